import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { TOPICS } from '@orderflow/shared-events/catalog';
import { createDatabase, type DatabaseUrls } from './databases.ts';
import { startKafka, type Kafka } from './kafka.ts';
import { checkPortsFree, planPorts } from './ports.ts';
import { startPostgres, type Postgres } from './postgres.ts';
import { startTimeOf } from './process-table.ts';
import { startRedis } from './redis.ts';
import { ROOT } from './settings.ts';
import { createReadyTopics, createTopics } from './topics.ts';
import { waitUntil } from './wait-until.ts';

const dir = mkdtempSync(join(tmpdir(), 'orderflow-backends-'));
const log = join(dir, 'backend.log');

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('Postgres', () => {
  let server: Postgres;
  let order: DatabaseUrls;
  let coupon: DatabaseUrls;
  const options = { dir: join(dir, 'postgres'), port: 0, log };

  beforeAll(async () => {
    options.port = await freePort();
    server = await startPostgres(options);
    order = await createDatabase(server.url, 'order');
    coupon = await createDatabase(server.url, 'coupon');
  });

  afterAll(() => server.stop());

  it('lets the app role read and write what its owner made, and not make anything', async () => {
    await query(order.ownerUrl, 'CREATE TABLE kept (id bigint GENERATED ALWAYS AS IDENTITY, note text)');
    await query(order.appUrl, "INSERT INTO kept (note) VALUES ('first')");
    await query(order.appUrl, "UPDATE kept SET note = 'changed'");
    expect(await query(order.appUrl, 'SELECT note FROM kept')).toEqual([{ note: 'changed' }]);
    await expect(query(order.appUrl, 'CREATE TABLE own ()')).rejects.toThrow('permission denied');
  });

  it.each(['coupon', 'postgres', 'template1'])(
    'keeps the app role out of the database %s',
    async (database) => {
      const url = new URL(order.appUrl);
      url.pathname = `/${database}`;
      await expect(query(url.href, 'SELECT 1')).rejects.toThrow('permission denied for database');
    },
  );

  it('gives each role a password of its own', () => {
    const passwords = [order.appUrl, order.ownerUrl, coupon.appUrl].map((url) => new URL(url).password);
    expect(new Set(passwords).size).toBe(3);
    expect(statSync(join(options.dir, 'password')).mode & 0o777).toBe(0o600);
  });

  it('keeps data, roles and URLs over a restart', async () => {
    await server.stop();
    expect(startTimeOf(server.pid)).toBeNull();
    server = await startPostgres(options);
    expect(await createDatabase(server.url, 'order')).toEqual(order);
    expect(await query(order.appUrl, 'SELECT note FROM kept')).toEqual([{ note: 'changed' }]);
  });

  it('says why when it cannot start, and leaves no process', async () => {
    const other = { ...options, dir: join(dir, 'second'), log: join(dir, 'second.log') };
    await expect(startPostgres(other)).rejects.toThrow(/postgres ended while starting[^]*could not bind/);
  });

  it('names a taken port and the variable that moves it', async () => {
    const ports = { ...planPorts({}), postgres: options.port };
    await expect(checkPortsFree(ports)).rejects.toThrow(
      `Port ${options.port} of postgres is taken: move it with ORDERFLOW_POSTGRES_PORT=<port>.`,
    );
  });
});

describe('Kafka', () => {
  let broker: Kafka;

  beforeAll(async () => {
    const [port, controllerPort] = [await freePort(), await freePort()];
    const libs = join(ROOT, '.local', 'kafka', 'libs');
    broker = await startKafka({
      dir: join(dir, 'kafka'),
      port,
      controllerPort,
      libs,
      log: join(dir, 'kafka.log'),
    });
  }, 120_000);

  afterAll(() => broker.stop());

  async function withAdmin<T>(work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const client = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  it('has a group coordinator as soon as it is ready', async () => {
    const offsets = await withAdmin((admin) => admin.listTopics());
    expect(offsets).toContain('__consumer_offsets');
  });

  it('gets every topic of the catalog with its partitions and retention, also a second time', async () => {
    await createTopics(broker.brokers);
    await createTopics(broker.brokers);
    await withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: TOPICS.map((topic) => topic.name) });
      const partitions = Object.fromEntries(topics.map((topic) => [topic.name, topic.partitions.length]));
      expect(partitions).toEqual(Object.fromEntries(TOPICS.map((topic) => [topic.name, topic.partitions])));
      const type = kafkajs.ConfigResourceTypes.TOPIC;
      const configs = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type, name: 'order-paid', configNames: ['retention.ms'] }],
      });
      expect(configs.resources[0]?.configEntries[0]?.configValue).toBe(String(14 * 24 * 60 * 60 * 1000));
    });
  });

  it('lets topics be used as soon as they are made, also before the broker has heard of all of them', async () => {
    await withAdmin(async (admin) => {
      // kafkajs' own waitForLeaders failed for 14 of 15 such rounds.
      for (const round of ['a', 'b', 'c', 'd', 'e']) {
        const names = TOPICS.map(({ name }) => `${name}-${round}`);
        await createReadyTopics(
          admin,
          names.map((topic) => ({ topic, numPartitions: 6, replicationFactor: 1 })),
        );
        // Only a leader that has taken its partition tells its offsets; that it is named in the metadata comes earlier.
        const offsets = await Promise.all(names.map((name) => admin.fetchTopicOffsets(name)));
        expect(offsets.flat().map(({ high }) => high)).toEqual(Array(names.length * 6).fill('0'));
      }
    });
  });

  it('is refused when a topic has another number of partitions', async () => {
    await withAdmin(async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic: 'order-paid', count: 7 }] });
      await waitUntil('the seventh partition is there', async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: ['order-paid'] });
        return topics[0]?.partitions.length === 7;
      });
    });
    await expect(createTopics(broker.brokers)).rejects.toThrow(
      'Topic order-paid has 7 partitions, the catalog says 6.',
    );
  });
});

describe('Redis', () => {
  it('answers when it is ready and is gone when stopped', async () => {
    const redis = await startRedis({ dir: join(dir, 'redis'), port: await freePort(), log });
    expect(startTimeOf(redis.pid)).not.toBeNull();
    await redis.stop();
    expect(startTimeOf(redis.pid)).toBeNull();
  });
});
