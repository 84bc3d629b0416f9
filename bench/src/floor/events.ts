import { createReadyTopics } from '@orderflow/local/topics';
import { createKafka, createRelayProducer, createStepConsumer } from '@orderflow/messaging/kafka-client';
import { createLogger } from '@orderflow/service-runtime/logger';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { Kafka } from 'kafkajs';
import { deleteGroups } from '../arms/renew-topics.ts';
import { READERS, trailOf, type TrailOrder } from './order-trail.ts';

/** Topics of the floor's own, so that no step of an arm reads its events; as many partitions as the catalog's. */
export interface FloorTopics {
  /** The six events of each order of the batch, already text: one request a topic. */
  send(): Promise<void>;
  /** Reads everything that was sent, as often as the steps do. */
  readAll(sentOrders: number): Promise<void>;
  drop(): Promise<void>;
}

const PARTITIONS = 6;
const READ_LIMIT_MS = 60_000;
const topicOf = (topic: string) => `floor.${topic}`;
const TOPICS = Object.keys(READERS).map(topicOf);
const READ_TWICE = Object.keys(READERS)
  .filter((topic) => READERS[topic] === 2)
  .map(topicOf);
/** One group reads everything, the other what a second step reads, too. */
const GROUPS = { 'floor.steps': TOPICS, 'floor.second-steps': READ_TWICE };

/** Makes the topics anew. @param batch orders whose events each send repeats */
export async function createTopics(
  brokers: readonly string[],
  batch: readonly TrailOrder[],
): Promise<FloorTopics> {
  const trails = batch.map(trailOf);
  const topicMessages = TOPICS.map((topic, event) => ({
    topic,
    messages: trails.flatMap((trail) => trail[event] ?? []),
  }));
  const kafka = createKafka({
    clientId: 'floor',
    brokers,
    logger: createLogger({ service: 'bench', level: 'warn' }),
  });
  const admin = kafka.admin();
  const producer = createRelayProducer(kafka);
  const deleteAll = async () => {
    const known = async () => (await admin.listTopics()).filter((topic) => TOPICS.includes(topic));
    const old = await known();
    if (old.length > 0) await admin.deleteTopics({ topics: old });
    await waitUntil(async () => (await known()).length === 0, { what: "the end of the floor's topics" });
    await deleteGroups(admin, (group) => group in GROUPS);
  };
  await Promise.all([admin.connect(), producer.connect()]);
  await deleteAll();
  await createReadyTopics(
    admin,
    TOPICS.map((topic) => ({ topic, numPartitions: PARTITIONS })),
  );
  return {
    async send() {
      for (const one of topicMessages) await producer.sendBatch({ acks: -1, topicMessages: [one] });
    },
    async readAll(sentOrders) {
      await Promise.all(
        Object.entries(GROUPS).map(([group, topics]) =>
          readTopics(kafka, group, topics, topics.length * sentOrders),
        ),
      );
    },
    async drop() {
      await deleteAll();
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

async function readTopics(kafka: Kafka, group: string, topics: string[], messages: number): Promise<void> {
  const consumer = createStepConsumer(kafka, group);
  await consumer.connect();
  try {
    await consumer.subscribe({ topics, fromBeginning: true });
    let read = 0;
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: PARTITIONS * topics.length,
      eachBatch: ({ batch }) => {
        read += batch.messages.length;
        return Promise.resolve();
      },
    });
    await waitUntil(() => read >= messages, { what: `${group} at the end`, timeoutMs: READ_LIMIT_MS });
  } finally {
    await consumer.disconnect();
  }
}
