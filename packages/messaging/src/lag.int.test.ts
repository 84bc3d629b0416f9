import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import kafkajs from 'kafkajs';
import { createKafka } from './kafka-client.ts';
import { BrokerAway, LagReader } from './lag.ts';
import { quietLogger } from './quiet-logger.test.ts';

describe('the lag of a step, as the broker tells it', () => {
  let broker: BrokerWitness;
  const topic = ownName('lag');
  const step = ownName('toy.lag');
  let time = 1_000_000;
  let reader: LagReader;

  beforeAll(async () => {
    broker = await witnessBroker();
    await broker.createTopics([topic], 2);
    const kafka = createKafka({ clientId: 'toy', brokers: broker.brokers, logger: quietLogger() });
    reader = new LagReader({ kafka, steps: [{ name: step, topics: [topic] }], now: () => time });
    const producer = new kafkajs.Kafka({
      brokers: [...broker.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = Array.from({ length: 100 }, () => ({ partition: 0, value: 'x' }));
    await producer.send({ topic, messages });
    await producer.disconnect();
  });
  afterAll(async () => {
    await reader.close();
    await broker.close();
  });

  const look = async () => (await reader.read()).find(({ partition }) => partition === 0);

  it('is everything while nothing is committed', async () => {
    expect(await reader.read()).toHaveLength(2);
    expect(await look()).toEqual({
      step,
      topic,
      partition: 0,
      lag: 100,
      committedOffset: null,
      endOffset: '100',
      ratePerSecond: null,
      catchUpSeconds: null,
    });
  });

  it('is what the group has not committed, also over a new connection', async () => {
    await broker.admin.setOffsets({ groupId: step, topic, partitions: [{ partition: 0, offset: '40' }] });
    await reader.close();
    time += 10_000;
    expect(await look()).toMatchObject({
      lag: 60,
      committedOffset: '40',
      ratePerSecond: 4,
      catchUpSeconds: 15,
    });
  });

  it('is a backend that is away when no broker answers, soon', async () => {
    const kafka = createKafka({ clientId: 'toy', brokers: ['127.0.0.1:1'], logger: quietLogger() });
    const lost = new LagReader({ kafka, steps: [{ name: step, topics: [topic] }] });
    const started = performance.now();
    await expect(lost.read()).rejects.toThrow(BrokerAway);
    expect(performance.now() - started).toBeLessThan(4_000);
    await lost.close();
  });
});
