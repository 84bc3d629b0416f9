import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { toMessage } from '@orderflow/testing/events';
import { createTcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool } from '@orderflow/testing/watched-pool';
import kafkajs, { type Message as KafkaMessage, type Producer } from 'kafkajs';
import { listDeadLetters } from './dead-letters.ts';
import { createKafka } from './kafka-client.ts';
import { messageOutbox } from './outbox.ts';
import { createPoisonMeter } from './poison.ts';
import { quietLogger } from './quiet-logger.test.ts';
import { StepConsumer, type StepConsumerOptions } from './step-consumer.ts';
import type { Step } from './step.ts';
import {
  asked,
  BUG,
  countingMetrics,
  kafkaThrough,
  openToyDatabase,
  resetToy,
  toyContracts,
  toyStep,
  type Ask,
  type ToyContracts,
  type ToyDatabase,
} from './toy-step.test.ts';

jest.setTimeout(90_000);

describe('the consumer of a step, on a real broker', () => {
  let database: ToyDatabase;
  let broker: BrokerWitness;
  let producer: Producer;
  let contracts: ToyContracts;
  let stopping: AbortController;
  const consumers: StepConsumer[] = [];

  beforeAll(async () => {
    [database, broker] = await Promise.all([openToyDatabase(), witnessBroker()]);
    const client = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  beforeEach(async () => {
    stopping = new AbortController();
    contracts = toyContracts(ownName(''));
    await broker.createTopics([contracts.asked.topic]);
    await resetToy(database);
  });
  afterEach(async () => {
    stopping.abort();
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
  });
  afterAll(async () => {
    await Promise.all([producer.disconnect(), broker.close(), database.close()]);
  });

  const topic = () => contracts.asked.topic;

  type Started = Partial<Pick<StepConsumerOptions, 'pool' | 'pace' | 'kafka'>> & {
    step?: Partial<Step>;
    poisonPerMinute?: number;
  };
  async function start(options: Started = {}) {
    const step = { ...(toyStep(contracts, ownName('toy.take')) as unknown as Step), ...options.step };
    const logger = quietLogger();
    const onFatal = jest.fn<(reason: string) => void>();
    const metrics = countingMetrics();
    const consumer = new StepConsumer({
      step,
      pool: options.pool ?? database.pool,
      outbox: messageOutbox,
      handOver: () => undefined,
      logger,
      metrics,
      poison: createPoisonMeter(options.poisonPerMinute ?? 0),
      stopping: stopping.signal,
      kafka: options.kafka ?? createKafka({ clientId: 'toy', brokers: broker.brokers, logger }),
      partitions: 6,
      pace: options.pace,
      onFatal,
    });
    consumers.push(consumer);
    await consumer.start();
    await waitUntil(() => consumer.trouble() === null, { what: 'the join', timeoutMs: 30_000 });
    return { consumer, step, onFatal, metrics, logger };
  }

  const message = (ask: Ask): KafkaMessage => {
    const { key, value, headers } = toMessage(asked(contracts, ask), contracts.asked);
    return { key, value, headers: { ...headers } };
  };
  const send = (...messages: KafkaMessage[]) => producer.send({ topic: topic(), messages });
  const orders = async () => {
    const { rows } = await database.owner.query<{ id: number }>(
      'SELECT order_id AS id FROM toy_orders ORDER BY 1',
    );
    return rows.map(({ id }) => id);
  };
  const handled = (count: number) =>
    waitUntil(async () => (await orders()).length === count, { what: `${count} orders`, timeoutMs: 30_000 });
  const committed = (group: string) =>
    waitUntil(async () => (await broker.lag(group, [topic()])) === 0, { what: 'no lag', timeoutMs: 15_000 });

  it('joins all partitions of one fetch into one transaction', async () => {
    const ids = Array.from({ length: 60 }, (_, index) => index + 1);
    await send(...ids.map((orderId) => message({ orderId })));
    const { metrics, step } = await start();
    await handled(60);
    const counts = `(SELECT count(DISTINCT xmin::text)::int FROM toy_orders) AS commits,
                    (SELECT count(*)::int FROM outbox) AS rows`;
    expect((await database.owner.query(`SELECT ${counts}`)).rows).toEqual([{ commits: 1, rows: 1 }]);
    expect(metrics.counts.get(`step_batches_total{"step":"${step.name}","size":"32"}`)).toBe(1);
  });

  it('reads what was there before its group was, and leaves no lag at rest', async () => {
    await send(message({ orderId: 1 }), message({ orderId: 2 }));
    const { step } = await start();
    await handled(2);
    await committed(step.name);
  });

  it('has no offset committed whose effect is not: the broker is asked before each COMMIT', async () => {
    const seen: { offset: number; done: number }[] = [];
    const step = toyStep(contracts, ownName('toy.take'));
    const pool = watchPool(database.pool, async ({ text, run }) => {
      if (text !== 'COMMIT') return run();
      const offsets = await broker.admin.fetchOffsets({ groupId: step.name, topics: [topic()] });
      const offset = offsets[0]!.partitions.reduce(
        (sum, partition) => sum + Math.max(0, Number(partition.offset)),
        0,
      );
      seen.push({ offset, done: (await orders()).length });
      return run();
    });
    await start({ pool, step: step as unknown as Partial<Step> });
    for (let orderId = 1; orderId <= 30; orderId += 1) await send(message({ orderId }));
    await handled(30);
    await committed(step.name);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(({ offset, done }) => offset > done)).toEqual([]);
  });

  it('commits no offset while its transaction fails, not even when it stops; the next member does the messages', async () => {
    const { step, consumer } = await start();
    await database.takeAway();
    await send(message({ orderId: 1 }), message({ orderId: 2 }));
    await waitUntil(() => consumer.trouble() === 'a backend is away');
    stopping.abort();
    // What is resolved is committed when it stops, however short its time was.
    await Promise.all(consumers.splice(0).map((member) => member.stop()));
    expect(await broker.lag(step.name, [topic()])).toBe(2);
    await database.bringBack();
    stopping = new AbortController();
    await start({ step: { name: step.name } });
    await handled(2);
    await committed(step.name);
  });

  it('parks garbage with its reasons while good messages flow, and lives on', async () => {
    const { step, onFatal, consumer } = await start();
    const good = message({ orderId: 1 });
    const garbage: KafkaMessage[] = [
      { ...good, value: null },
      { ...good, value: '' },
      { ...good, value: '{bad' },
      { ...good, value: '[]' },
      { ...good, value: Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]) },
      { ...good, value: Buffer.from([0xc3, 0x28]) },
      { ...good, value: '{"orderId":"1"}' },
      { ...good, headers: {} },
      { ...good, headers: { ...good.headers, ce_type: 'toy.asked.v99' } },
      { ...good, key: 'not the order' },
      { ...good, key: null },
    ];
    for (const [index, bad] of garbage.entries()) await send(bad, message({ orderId: 100 + index }));
    await handled(garbage.length);
    const letters = () => listDeadLetters(database.owner);
    await waitUntil(async () => (await letters()).length === garbage.length);
    const reasons: Record<string, number> = {};
    for (const { reason } of await letters()) reasons[reason] = (reasons[reason] ?? 0) + 1;
    expect(reasons).toEqual({
      UNPARSEABLE: 5,
      SCHEMA: 2,
      UNKNOWN_TYPE: 1,
      UNKNOWN_VERSION: 1,
      KEY_MISMATCH: 2,
    });
    await committed(step.name);
    expect(onFatal).not.toHaveBeenCalled();
    expect(consumer.trouble()).toBeNull();
  });

  it('survives a bug in decide, which would end a kafkajs consumer for good', async () => {
    const { onFatal, step } = await start();
    await send(message({ orderId: 1, plant: BUG }), message({ orderId: 2 }));
    await handled(1);
    await send(message({ orderId: 3 }));
    await handled(2);
    await committed(step.name);
    expect(await listDeadLetters(database.owner)).toMatchObject([
      { reason: 'FAULT', error: 'TypeError: a bug in decide' },
    ]);
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('pauses on a flood of faults, says so, and goes on when it is resumed', async () => {
    const { consumer, step } = await start({ poisonPerMinute: 3 });
    // One partition, so that they come in one fetch.
    const bugs = Array.from({ length: 5 }, (_, index) => ({
      ...message({ orderId: 50 + index, plant: BUG }),
      partition: 0,
    }));
    await send(...bugs);
    await waitUntil(() => consumer.trouble() === 'paused: too many messages ended as faults');
    await send(message({ orderId: 1 }));
    // Four parked make the flood; the fifth and what comes after it wait for the resume.
    await waitUntil(async () => (await broker.lag(step.name, [topic()])) === 2, {
      what: 'two messages left unread',
    });
    expect(await listDeadLetters(database.owner)).toHaveLength(4);
    expect(await orders()).toEqual([]);
    consumer.resume();
    await handled(1);
    expect(consumer.trouble()).toBeNull();
  });

  it.each([
    // 50 ms and six times as long; 250 ms at most.
    ['after many messages, by itself', undefined, 100, 299],
    ['as it is told', { fromMessages: 5, intervalMs: 3000, restRatio: 0 }, 6, 2950],
  ])('rests %s', async (_, pace, messages, atLeastMs) => {
    const starts: number[] = [];
    const step = toyStep(contracts, ownName('toy.take')) as unknown as Step;
    const load: Step['load'] = async (tx, events) => {
      starts.push(performance.now());
      await tx.query('SELECT pg_sleep(0.05)');
      return step.load(tx, events);
    };
    await start({ step: { ...step, load }, pace });
    let sent = 0;
    // One partition, so that they come in one fetch.
    for (const count of [1, messages, 1]) {
      await send(...Array.from({ length: count }, () => ({ ...message({ orderId: ++sent }), partition: 0 })));
      await handled(sent);
    }
    expect(starts).toHaveLength(3);
    expect(starts[1]! - starts[0]!).toBeLessThan(2900);
    expect(starts[2]! - starts[1]!).toBeGreaterThan(atLeastMs);
  });

  it('commits its offsets and leaves the group when it stops; the next member goes on there', async () => {
    const first = await start();
    await send(message({ orderId: 1 }));
    await handled(1);
    await first.consumer.stop();
    const { groups } = await broker.admin.describeGroups([first.step.name]);
    expect(groups[0]).toMatchObject({ state: 'Empty', members: [] });
    expect(await broker.lag(first.step.name, [topic()])).toBe(0);
    consumers.length = 0;
    await send(message({ orderId: 2 }));
    const second = await start({ step: { name: first.step.name } });
    await handled(2);
    expect(second.metrics.counts.get(`step_messages_total{"step":"${first.step.name}"}`)).toBe(1);
  });

  it('goes on by itself when a broker that was gone is back', async () => {
    const [host = '', port] = broker.brokers[0]!.split(':');
    const proxy = await createTcpProxy({ host, port: Number(port) });
    const kafka = kafkaThrough(proxy.port, broker.brokers);
    try {
      const { consumer, onFatal } = await start({ kafka });
      await send(message({ orderId: 1 }));
      await handled(1);
      proxy.cut();
      await waitUntil(() => consumer.trouble() !== null, { what: 'trouble', timeoutMs: 30_000 });
      proxy.heal();
      await send(message({ orderId: 2 }));
      await handled(2);
      expect(consumer.trouble()).toBeNull();
      expect(onFatal).not.toHaveBeenCalled();
      await consumers.pop()?.stop();
    } finally {
      await proxy.close();
    }
  });

  it('shares the partitions with a second member, and nothing is done twice or lost', async () => {
    const name = ownName('toy.take');
    await start({ step: { name } });
    for (let orderId = 1; orderId <= 20; orderId += 1) await send(message({ orderId }));
    await start({ step: { name } });
    for (let orderId = 21; orderId <= 40; orderId += 1) await send(message({ orderId }));
    await handled(40);
    const { rows } = await database.owner.query('SELECT count(*)::int AS takings FROM toy_takings');
    expect(rows).toEqual([{ takings: 40 }]);
    await committed(name);
  });
});
