import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kafkaBrokers } from '@orderflow/testing/backends';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs from 'kafkajs';
import { createTopics } from '../topics.ts';
import { openLagReader, type LagReader } from './rest.ts';

const { Kafka, logLevel } = kafkajs;
let client: InstanceType<typeof Kafka>;
let reader: LagReader;

const lagOf = async (step: string) => (await reader.read()).find((lag) => lag.step === step)?.messages ?? 0;

async function publish(topic: string, count: number): Promise<void> {
  const producer = client.producer();
  await producer.connect();
  const messages = Array.from({ length: count }, (_, order) => ({ key: String(order), value: 'x' }));
  await producer.send({ topic, messages, acks: -1 });
  await producer.disconnect();
}

/** Commits offsets as if the step had read the whole topic. */
async function readAll(step: string, topic: string): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.setOffsets({ groupId: step, topic, partitions: ends });
  } finally {
    await admin.disconnect();
  }
}

beforeAll(async () => {
  const brokers = await kafkaBrokers();
  await createTopics(brokers);
  client = new Kafka({ clientId: 'rest-test', brokers: [...brokers], logLevel: logLevel.NOTHING });
  reader = openLagReader(brokers);
  // New partitions have no leader for a moment.
  await waitUntil(() => reader.read(), { what: 'leaders of all partitions', timeoutMs: 30_000 });
}, 60_000);

afterAll(() => reader.close());

describe('the lag of a step', () => {
  it('counts messages of a step that has committed nothing yet', async () => {
    const before = await lagOf('product.reserve');
    await publish('order-created', 7);
    expect(await lagOf('product.reserve')).toBe(before + 7);
  });

  it('counts all topics of the step', async () => {
    const before = await lagOf('product.count-sales');
    await publish('order-paid', 2);
    await publish('order-cancelled', 3);
    expect(await lagOf('product.count-sales')).toBe(before + 5);
  });

  it('counts only what is beyond the committed offsets', async () => {
    await publish('stock-reserved', 4);
    await readAll('coupon.apply', 'stock-reserved');
    expect(await lagOf('coupon.apply')).toBe(0);
    await publish('stock-reserved', 1);
    expect(await lagOf('coupon.apply')).toBe(1);
  });
});
