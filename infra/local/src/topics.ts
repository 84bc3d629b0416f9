import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { EXIT, StartFailure } from './failure.ts';
import { waitUntil } from './wait-until.ts';

// Node finds only some of this CommonJS package's names for a named import.
const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;

function retentionOf(topic: TopicDefinition) {
  return [{ name: 'retention.ms', value: String(topic.retentionMs) }];
}

/** A partition count is part of the contract: a change would move keys to other partitions. */
async function checkPartitions(admin: Admin, existing: readonly TopicDefinition[]): Promise<void> {
  if (existing.length === 0) return;
  const { topics } = await admin.fetchTopicMetadata({ topics: existing.map((topic) => topic.name) });
  const actual = new Map(topics.map((topic) => [topic.name, topic.partitions.length]));
  const wrong = existing.filter((topic) => actual.get(topic.name) !== topic.partitions);
  if (wrong.length === 0) return;
  const lines = wrong.map(
    (topic) =>
      `Topic ${topic.name} has ${actual.get(topic.name)} partitions, the catalog says ${topic.partitions}.`,
  );
  throw new StartFailure(lines.join('\n'), EXIT.configuration);
}

/** What a broker answers of a topic that it has not heard of, and of a partition that is its own and not yet taken up. */
const NOT_YET: readonly unknown[] = ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_LEADER_FOR_PARTITION'];

/**
 * Whether every partition of the topics has a leader that has taken it up. Metadata name it earlier than that, so its
 * offsets are asked for, which only such a leader tells.
 */
async function haveLeaders(admin: Admin, names: readonly string[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
    if (topics.some(({ partitions }) => partitions.some(({ leader }) => leader < 0))) return false;
    await Promise.all(names.map((name) => admin.fetchTopicOffsets(name)));
    return true;
  } catch (error) {
    if (NOT_YET.includes((error as { type?: unknown }).type)) return false;
    throw error;
  }
}

/**
 * Makes topics, and resolves when all of their partitions can be written. kafkajs' own `waitForLeaders` fails when the
 * broker has not yet heard of what its controller made, which is likely on a busy machine.
 */
export async function createReadyTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [...topics] });
  const names = topics.map(({ topic }) => topic);
  await waitUntil(`leaders of ${names.join(', ')}`, () => haveLeaders(admin, names));
}

/**
 * Promises that every topic of the catalog exists with its partitions and retention. Topics that exist keep their
 * data.
 *
 * @throws StartFailure (78) when an existing topic has another number of partitions.
 */
export async function createTopics(brokers: readonly string[]): Promise<void> {
  const client = new Kafka({
    clientId: 'orderflow-launcher',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 8, initialRetryTime: 100 },
  });
  const admin = client.admin();
  await admin.connect();
  try {
    const names = new Set(await admin.listTopics());
    const existing = TOPICS.filter((topic) => names.has(topic.name));
    const missing = TOPICS.filter((topic) => !names.has(topic.name));
    await checkPartitions(admin, existing);
    if (existing.length > 0) {
      await admin.alterConfigs({
        validateOnly: false,
        resources: existing.map((topic) => ({
          type: ConfigResourceTypes.TOPIC,
          name: topic.name,
          configEntries: retentionOf(topic),
        })),
      });
    }
    if (missing.length === 0) return;
    await createReadyTopics(
      admin,
      missing.map((topic) => ({
        topic: topic.name,
        numPartitions: topic.partitions,
        replicationFactor: 1,
        configEntries: retentionOf(topic),
      })),
    );
  } finally {
    await admin.disconnect();
  }
}
