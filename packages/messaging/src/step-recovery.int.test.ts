import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { toMessage } from '@orderflow/testing/events';
import { createTcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs, { type Consumer, type Kafka, type Producer } from 'kafkajs';
import { createKafka } from './kafka-client.ts';
import { messageOutbox } from './outbox.ts';
import { createPoisonMeter } from './poison.ts';
import { quietLogger } from './quiet-logger.test.ts';
import { StepConsumer } from './step-consumer.ts';
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

/** Looks at what must not happen: enough of them for several fetches. */
const LOOKS = 150;

/** The client, its consumers seen or changed by `change`. */
function withConsumers(kafka: Kafka, change: (real: Consumer) => Consumer): Kafka {
  return Object.assign(Object.create(kafka) as Kafka, {
    consumer: (config: Parameters<Kafka['consumer']>[0]) => change(kafka.consumer(config)),
  });
}

describe('a step after a fault of its broker connection', () => {
  let database: ToyDatabase;
  let broker: BrokerWitness;
  let producer: Producer;
  let contracts: ToyContracts;
  let step: Step;
  let consumer: StepConsumer;
  const logger = quietLogger();
  const stopping = new AbortController();

  beforeAll(async () => {
    [database, broker] = await Promise.all([openToyDatabase(), witnessBroker()]);
    const client = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
    producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  beforeEach(async () => {
    contracts = toyContracts(ownName(''));
    step = toyStep(contracts, ownName('toy.take'));
    await broker.createTopics([contracts.asked.topic]);
    await resetToy(database);
    logger.debug.mockClear();
  });
  afterEach(() => consumer.stop());
  afterAll(async () => {
    stopping.abort();
    await Promise.all([producer.disconnect(), broker.close(), database.close()]);
  });

  async function start(kafka: Kafka, poisonPerMinute = 0): Promise<void> {
    consumer = new StepConsumer({
      step,
      pool: database.pool,
      outbox: messageOutbox,
      handOver: () => undefined,
      logger,
      metrics: countingMetrics(),
      poison: createPoisonMeter(poisonPerMinute),
      stopping: stopping.signal,
      kafka,
      partitions: 6,
      onFatal: () => undefined,
    });
    await consumer.start();
    await waitUntil(() => consumer.trouble() === null, { what: 'the join', timeoutMs: 30_000 });
  }

  /** To one partition, so that they come in one fetch. */
  async function send(...asks: readonly Ask[]): Promise<void> {
    const messages = asks.map((ask) => {
      const { key, value, headers } = toMessage(asked(contracts, ask), contracts.asked);
      return { key, value, headers: { ...headers }, partition: 0 };
    });
    await producer.send({ topic: contracts.asked.topic, messages });
  }
  const orders = async () => (await database.owner.query('SELECT order_id FROM toy_orders')).rows.length;
  const lag = () => broker.lag(step.name, [contracts.asked.topic]);

  it('that is paused is still paused when kafkajs has started its consumer anew', async () => {
    const [host = '', port] = broker.brokers[0]!.split(':');
    const proxy = await createTcpProxy({ host, port: Number(port) });
    try {
      let [batches, crashes, joins] = [0, 0, 0];
      await start(
        withConsumers(kafkaThrough(proxy.port, broker.brokers), (real) => {
          real.on(real.events.START_BATCH_PROCESS, () => (batches += 1));
          real.on(real.events.CRASH, () => (crashes += 1));
          real.on(real.events.GROUP_JOIN, () => (joins += 1));
          return real;
        }),
        3,
      );
      await send(...[50, 51, 52, 53].map((orderId) => ({ orderId, plant: BUG }) as const));
      await waitUntil(() => consumer.trouble()?.startsWith('paused'), { what: 'the pause' });
      await waitUntil(async () => (await lag()) === 0);
      proxy.cut();
      await waitUntil(() => crashes > 0, { what: 'the end of the consumer', timeoutMs: 60_000 });
      await send({ orderId: 1 });
      proxy.heal();
      await waitUntil(() => joins > 1, { what: 'the next consumer', timeoutMs: 60_000 });
      // Not one fetch brings the message: a step that only left it undone would be handed it without end.
      batches = 0;
      const seen: number[] = [];
      await waitUntil(async () => seen.push(batches + (await orders())) === LOOKS, { timeoutMs: 60_000 });
      expect(Math.max(...seen)).toBe(0);
      expect(consumer.trouble()).toMatch(/^paused/);
      consumer.resume();
      await waitUntil(async () => (await orders()) === 1, { what: 'the order', timeoutMs: 30_000 });
      await consumer.stop();
    } finally {
      await proxy.close();
    }
  });

  it('commits the offsets whose commit failed, though no message follows', async () => {
    const kafka = createKafka({ clientId: 'toy', brokers: broker.brokers, logger });
    const FAILURES = 2;
    let commits = 0;
    const flaky = withConsumers(kafka, (real) => ({
      ...real,
      commitOffsets: (offsets) => {
        commits += 1;
        return commits <= FAILURES
          ? Promise.reject(new Error('the coordinator is loading'))
          : real.commitOffsets(offsets);
      },
    }));
    await start(flaky);
    await send({ orderId: 1 }, { orderId: 2 });
    await waitUntil(async () => (await orders()) === 2, { what: 'both orders', timeoutMs: 30_000 });
    expect(await lag()).toBe(2);
    await waitUntil(async () => (await lag()) === 0, { what: 'no lag', timeoutMs: 15_000 });
    expect(commits).toBe(FAILURES + 1);
  });
});
