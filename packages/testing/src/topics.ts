import { randomBytes } from 'node:crypto';
import { createReadyTopics } from '@orderflow/local/topics';
import kafkajs, { type Admin } from 'kafkajs';
import { kafkaBrokers } from './backends.ts';

/** A broker's own account of things: what is committed and what lies in a topic. */
export interface BrokerWitness {
  readonly brokers: readonly string[];
  readonly admin: Admin;
  /** Makes topics; the names are the caller's. */
  createTopics(topics: readonly string[], partitions?: number): Promise<void>;
  /** Messages a group has not committed yet, over all partitions of the topics. */
  lag(groupId: string, topics: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Connects to the run's Kafka. */
export async function witnessBroker(): Promise<BrokerWitness> {
  const brokers = await kafkaBrokers();
  const admin = new kafkajs.Kafka({
    clientId: 'tests',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin();
  await admin.connect();
  return {
    brokers,
    admin,
    async createTopics(topics, partitions = 6) {
      await createReadyTopics(
        admin,
        topics.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1 })),
      );
    },
    async lag(groupId, topics) {
      let lag = 0;
      const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
      for (const { topic, partitions } of committed) {
        const ends = new Map(
          (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
        );
        for (const { partition, offset } of partitions) {
          lag += (ends.get(partition) ?? 0) - Math.max(0, Number(offset));
        }
      }
      return lag;
    },
    close: () => admin.disconnect(),
  };
}

/** A name that no other suite has: topics and groups of one broker are shared by the whole run. */
export function ownName(name: string): string {
  return `${name}.${randomBytes(4).toString('hex')}`;
}
