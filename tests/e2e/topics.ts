import { TOPICS } from '@orderflow/shared-events/catalog';
import { withSnappy } from '@orderflow/testing/snappy';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs, { type IHeaders, type Message } from 'kafkajs';
import type { RunningStack } from '@orderflow/testing/running-stack';

const { Kafka, logLevel } = kafkajs;

export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

function clientOf(stack: RunningStack) {
  const { brokers } = stack.current().kafka;
  return new Kafka({ clientId: 'e2e', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

/** How many records each topic of the catalog holds. */
export async function countRecords(stack: RunningStack): Promise<Record<string, number>> {
  const admin = clientOf(stack).admin();
  await admin.connect();
  try {
    const counts: Record<string, number> = {};
    for (const { name } of TOPICS) {
      const partitions = await admin.fetchTopicOffsets(name);
      counts[name] = partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
    }
    return counts;
  } finally {
    await admin.disconnect();
  }
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** Every record of every topic, as it lies in the broker; in a group of its own. */
export function readEverything(stack: RunningStack): Promise<StoredRecord[]> {
  return withSnappy(() => readAll(stack));
}

async function readAll(stack: RunningStack): Promise<StoredRecord[]> {
  const total = sum(await countRecords(stack));
  const records: StoredRecord[] = [];
  const consumer = clientOf(stack).consumer({ groupId: `e2e-${Date.now()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: TOPICS.map(({ name }) => name), fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        const { key, value, headers = {}, offset } = message;
        records.push({ topic, partition, offset, key, value, headers });
      },
    });
    await waitUntil(() => records.length >= total, {
      what: `${total} records read`,
      timeoutMs: 30_000,
    });
    return records;
  } finally {
    await consumer.disconnect();
  }
}

/** Sends records to their topics, in their order within each partition. Returns where they went, in the same order. */
export async function publish(
  stack: RunningStack,
  records: ReadonlyArray<Pick<StoredRecord, 'topic' | 'key' | 'value' | 'headers'> & { partition?: number }>,
): Promise<Array<{ topic: string; partition: number; offset: string }>> {
  const producer = clientOf(stack).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const places = [];
    for (const { topic, ...record } of records) {
      const message: Message = record;
      const [place] = await producer.send({ topic, acks: -1, messages: [message] });
      places.push({ topic, partition: place!.partition, offset: place!.baseOffset ?? '' });
    }
    return places;
  } finally {
    await producer.disconnect();
  }
}

/** As `publish`, all at once and without places: for thousands. */
export async function publishAll(stack: RunningStack, records: readonly StoredRecord[]): Promise<void> {
  const producer = clientOf(stack).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const topicMessages = TOPICS.map(({ name }) => ({
      topic: name,
      messages: records
        .filter(({ topic }) => topic === name)
        .map(({ key, value, headers, partition }): Message => ({ key, value, headers, partition })),
    })).filter(({ messages }) => messages.length > 0);
    await producer.sendBatch({ acks: -1, topicMessages });
  } finally {
    await producer.disconnect();
  }
}
