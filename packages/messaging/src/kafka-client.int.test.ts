import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { withSnappy } from '@orderflow/testing/snappy';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs from 'kafkajs';
import type { Consumer, Kafka, KafkaMessage, Producer } from 'kafkajs';
import { createKafka, createRelayProducer, createStepConsumer, type KitLogger } from './kafka-client.ts';
import { unsupportedCompression } from './record-codec.ts';

const silent: KitLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const PARTITIONS = 3;
const { None, GZIP, Snappy } = kafkajs.CompressionTypes;

let broker: BrokerWitness;
let kafka: Kafka;
let topic: string;
let producer: Producer;
let consumer: Consumer;

beforeAll(async () => {
  broker = await witnessBroker();
  kafka = createKafka({ clientId: 'kafka-client-test', brokers: broker.brokers, logger: silent });
  producer = createRelayProducer(kafka);
  await producer.connect();
});
afterAll(() => Promise.all([producer.disconnect(), broker.close()]));

beforeEach(async () => {
  topic = ownName('kafka-client');
  await broker.createTopics([topic], PARTITIONS);
  consumer = createStepConsumer(kafka, topic);
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
});
afterEach(() => consumer.disconnect());

/** Runs the consumer, and gives all that it has been handed so far. */
async function consume(): Promise<KafkaMessage[]> {
  const received: KafkaMessage[] = [];
  await consumer.run({
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: ({ batch }) => {
      received.push(...batch.messages);
      return Promise.resolve();
    },
  });
  return received;
}

describe('relay and step on a real broker', () => {
  it('hand over 3,000 messages as they were, each order of keys kept', async () => {
    const sent = Array.from({ length: 3_000 }, (_, i) => ({
      key: String(i % 100),
      value: JSON.stringify({ i, text: 'é'.repeat(i % 7) }),
      headers: { ce_id: `x/${i}`, repeated: ['a', String(i)] },
    }));
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages: sent }] });
    const received = await consume();
    await waitUntil(() => received.length >= sent.length, { what: 'all messages' });
    const texts = received.map(({ key, value, headers }) => ({
      key: String(key),
      value: String(value),
      headers: {
        ce_id: String(headers?.['ce_id']),
        repeated: (headers?.['repeated'] as Buffer[]).map(String),
      },
    }));
    const byKey = (list: typeof texts) => [...list].sort((a, b) => Number(a.key) - Number(b.key));
    // Sorting is stable: within a key the order is the one received.
    expect(byKey(texts)).toEqual(byKey(sent));
  });

  it('go on past a snappy batch, whose messages arrive marked and empty', async () => {
    const send = (value: string, compression: kafkajs.CompressionTypes) =>
      producer.sendBatch({
        acks: -1,
        compression,
        topicMessages: [{ topic, messages: [{ key: 'k', value }] }],
      });
    await send('before', None);
    await withSnappy(() => send('unreadable', Snappy));
    await send('in gzip', GZIP);
    const received = await consume();
    await waitUntil(() => received.length >= 3, { what: 'three messages' });
    expect(received.map((one) => one.value?.toString() ?? unsupportedCompression(one))).toEqual([
      'before',
      'snappy',
      'in gzip',
    ]);
  });
});
