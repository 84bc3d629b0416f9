import kafkajs from 'kafkajs';
import pg from 'pg';
import type { Running } from '@orderflow/local/child';
import { createReadyTopics } from '@orderflow/local/topics';
import type { Arm, BenchBackends, RunningArm, ShopSize } from '../arm.ts';
import { CONSUMERS, EVENT_NAMES, SERVICES, topicOf, type Service } from '../baselines/naive/events.ts';
import { lastOrderId, outcomeOf, paidAtOf, verifyBooks, type Books } from './baseline-books.ts';
import { createDatabase, seed, type SeededPart } from './baseline-databases.ts';
import { runningRequests, startBaseline } from './baseline-process.ts';

const { Kafka, logLevel } = kafkajs;

/** The usual demo of the saga that Orderflow runs. */
export const naive: Arm = {
  name: 'naive',
  what: 'five services and databases, kafkajs eachMessage, one Prisma transaction and one send a message, relays that poll every 100 ms',
  start,
};

const SEEDED: Readonly<Record<Service, readonly SeededPart[]>> = {
  order: [],
  product: ['products'],
  coupon: ['coupons'],
  balance: ['balances'],
  payment: [],
};

async function start(backends: BenchBackends, shop: ShopSize): Promise<RunningArm> {
  await recreateTopics(backends.brokers);
  const urls = {} as Record<Service, string>;
  for (const service of SERVICES) {
    urls[service] = await createDatabase(backends.postgresUrl, `bench_naive_${service}`);
    await seed(urls[service], shop, SEEDED[service]);
  }
  const services = await startServices(backends, urls);
  const books = openBooks(urls);
  return {
    url: `http://127.0.0.1:${backends.armPort}`,
    processes: services.map(({ name, running }) => ({ name, pid: running.pid })),
    openOrders: async () => (await runningRequests(backends.armPort)) + (await underWay(books)),
    outcome: (afterId) => outcomeOf(books, afterId),
    lastOrderId: () => lastOrderId(books),
    paidAt: (afterId) => paidAtOf(books, afterId),
    verify: () => verifyBooks(books, shop),
    async stop() {
      await Promise.all(services.map(({ running }) => running.stop()));
      await Promise.all(SERVICES.map((service) => books[service].end()));
    },
  };
}

/** Empty topics of three partitions each. */
async function recreateTopics(brokers: readonly string[]): Promise<void> {
  const admin = new Kafka({
    clientId: 'bench-naive',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
  }).admin();
  await admin.connect();
  try {
    const topics = EVENT_NAMES.map(topicOf);
    const existing = await admin.listTopics();
    await admin.deleteTopics({ topics: topics.filter((topic) => existing.includes(topic)) });
    await createReadyTopics(
      admin,
      topics.map((topic) => ({ topic, numPartitions: 3, replicationFactor: 1 })),
    );
  } finally {
    await admin.disconnect();
  }
}

async function startServices(
  backends: BenchBackends,
  urls: Readonly<Record<Service, string>>,
): Promise<{ name: string; running: Running }[]> {
  const startedAt = Date.now();
  const starting = SERVICES.map(async (service, index) => {
    const name = `naive-${service}`;
    const running = await startBaseline(backends, {
      name,
      program: 'naive',
      port: backends.armPort + index,
      databaseUrl: urls[service],
      env: {
        SERVICE: service,
        KAFKA_BROKERS: backends.brokers.join(','),
        CONSUMER_GROUP: `${name}-${startedAt}`,
      },
    });
    return { name, running };
  });
  const started = await Promise.allSettled(starting);
  const services = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed === undefined) return services;
  await Promise.all(services.map(({ running }) => running.stop()));
  throw failed.reason;
}

function openBooks(urls: Readonly<Record<Service, string>>): Books {
  const open = (connectionString: string) => {
    const pool = new pg.Pool({ connectionString, max: 1 });
    pool.on('error', () => undefined);
    return pool;
  };
  return {
    order: open(urls.order),
    product: open(urls.product),
    coupon: open(urls.coupon),
    balance: open(urls.balance),
    payment: open(urls.payment),
  };
}

/** Orders that are not over, or, when all are, events that somebody has yet to publish or to consume. */
async function underWay(books: Books): Promise<number> {
  const open = await count(books.order, `orders WHERE status NOT IN ('PAID', 'CANCELLED')`);
  if (open > 0) return open;
  let expected = 0;
  let processed = 0;
  for (const service of SERVICES) {
    processed += await count(books[service], 'processed_messages');
    const { rows } = await books[service].query<{ topic: string; events: number }>(
      'SELECT topic, count(*)::int AS events FROM outbox GROUP BY topic',
    );
    for (const { topic, events } of rows) expected += events * consumersOf(topic);
  }
  return expected - processed;
}

function consumersOf(topic: string): number {
  const event = EVENT_NAMES.find((name) => topicOf(name) === topic);
  return event === undefined ? 0 : CONSUMERS[event].length;
}

async function count(pool: pg.Pool, from: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${from}`);
  return rows[0]?.count ?? 0;
}
