import { hash, randomUUID } from 'node:crypto';
import kafkajs, { type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { decodeOneOf } from '@orderflow/shared-events/envelope';
import { readEveryCodec } from './batch-codecs.ts';

// Node finds only some of this CommonJS package's names for a named import.
const { Kafka, logLevel } = kafkajs;

/** What a topic holds, by event id. What breaks the topic's contract is no event: its readers park it. */
export interface TopicEvents {
  readonly topic: string;
  /** Of each event's first copy: the MD5 of its value in hex, then that of its key and headers. */
  readonly digests: ReadonlyMap<string, string>;
  /** Events that have a copy with other bytes, and where the first such copy lies (`partition/offset`). */
  readonly differing: ReadonlyMap<string, string>;
}

export interface TopicReader {
  /**
   * Topic after topic, each from its oldest message to the newest there was when the reading began. One topic at a time
   * stands in memory: some 250 bytes an event.
   * @throws Error when the broker is away, or a topic does not come to its end
   */
  read(): AsyncIterable<TopicEvents>;
}

/** Reads the topics of the catalog under a group name of its own that commits nothing, so no service notices. */
export function topicReader(
  brokers: readonly string[],
  topics: readonly TopicDefinition[] = TOPICS,
): TopicReader {
  return { read: () => readTopics(brokers, topics) };
}

/** Without a single message for so long there is no end to be expected. */
const SILENCE_MS = 30_000;

async function* readTopics(
  brokers: readonly string[],
  topics: readonly TopicDefinition[],
): AsyncGenerator<TopicEvents> {
  readEveryCodec();
  const client = new Kafka({
    clientId: 'reconcile',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    retry: { retries: 3, initialRetryTime: 200 },
  });
  const ends = await readEnds(client, topics);
  const consumer = client.consumer({
    groupId: `reconcile-${randomUUID()}`,
    // Also how long each change of topics and the end wait for the fetch that is under way.
    maxWaitTimeInMs: 20,
    // Above the broker's largest message.
    maxBytesPerPartition: 1_200_000,
    maxBytes: 8_000_000,
    allowAutoTopicCreation: false,
    retry: { restartOnFailure: () => Promise.resolve(false) },
  });
  await consumer.connect();
  try {
    const { start, crashed } = await run(consumer, topics);
    for (const topic of topics) yield await Promise.race([start(topic, ends.get(topic.name) ?? []), crashed]);
  } finally {
    await consumer.disconnect();
  }
}

interface PartitionEnd {
  readonly partition: number;
  /** The offset that the next message gets. */
  readonly end: bigint;
}

async function readEnds(
  client: InstanceType<typeof Kafka>,
  topics: readonly TopicDefinition[],
): Promise<ReadonlyMap<string, readonly PartitionEnd[]>> {
  const admin = client.admin();
  await admin.connect();
  try {
    const ends = new Map<string, readonly PartitionEnd[]>();
    for (const { name } of topics) {
      const partitions = await admin.fetchTopicOffsets(name);
      const filled = partitions.filter(({ high, low }) => BigInt(high) > BigInt(low));
      ends.set(
        name,
        filled.map(({ partition, high }) => ({ partition, end: BigInt(high) })),
      );
    }
    return ends;
  } finally {
    await admin.disconnect();
  }
}

/** Joins with every topic at rest; `start` reads one of them, `crashed` rejects when the consumer has ended. */
async function run(consumer: Consumer, topics: readonly TopicDefinition[]) {
  const names = topics.map(({ name }) => name);
  await consumer.subscribe({ topics: names, fromBeginning: true });
  let reading: TopicReading | null = null;
  const crashed = new Promise<never>((_, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
  });
  crashed.catch(() => undefined);
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: (payload) => Promise.resolve(reading?.take(payload)),
  });
  consumer.pause(names.map((topic) => ({ topic })));
  const start = async (topic: TopicDefinition, ends: readonly PartitionEnd[]): Promise<TopicEvents> => {
    reading = new TopicReading(topic, ends);
    consumer.resume([{ topic: topic.name }]);
    const events = await reading.finished();
    consumer.pause([{ topic: topic.name }]);
    return events;
  };
  return { start, crashed };
}

/** One topic on its way to its end. */
class TopicReading {
  readonly #topic: TopicDefinition;
  readonly #left: Map<number, bigint>;
  readonly #digests = new Map<string, string>();
  readonly #differing = new Map<string, string>();
  #progressed: () => void = () => undefined;

  constructor(topic: TopicDefinition, ends: readonly PartitionEnd[]) {
    this.#topic = topic;
    this.#left = new Map(ends.map(({ partition, end }) => [partition, end]));
  }

  take(payload: EachBatchPayload): void {
    const { batch } = payload;
    const { topic, partition, messages } = batch;
    if (topic !== this.#topic.name) return;
    for (const message of messages) this.#note(partition, message);
    payload.resolveOffset(batch.lastOffset());
    const end = this.#left.get(partition);
    if (end !== undefined && BigInt(batch.lastOffset()) + 1n >= end) this.#left.delete(partition);
    this.#progressed();
  }

  /** @throws Error when no message has come for a while */
  finished(): Promise<TopicEvents> {
    return new Promise((resolve, reject) => {
      const { name, event } = this.#topic;
      const silence = setTimeout(
        () => reject(new Error(`topic ${name} cannot be read to its end`)),
        SILENCE_MS,
      ).unref();
      this.#progressed = () => {
        silence.refresh();
        if (this.#left.size > 0) return;
        clearTimeout(silence);
        resolve({ topic: event.topic, digests: this.#digests, differing: this.#differing });
      };
      this.#progressed();
    });
  }

  #note(partition: number, { key, value, headers = {}, offset }: KafkaMessage): void {
    const decoded = decodeOneOf(this.#topic.versions, { key, value, headers });
    if (!decoded.ok) return;
    const { id } = decoded.event;
    const digest = hash('md5', value ?? '') + hash('md5', `${String(key)}\n${headerLines(headers)}`);
    const first = this.#digests.get(id);
    if (first === undefined) this.#digests.set(id, digest);
    else if (first !== digest && !this.#differing.has(id)) this.#differing.set(id, `${partition}/${offset}`);
  }
}

/** Latin 1 keeps bytes apart that are not UTF-8. */
function headerLines(headers: NonNullable<KafkaMessage['headers']>): string {
  let lines = '';
  for (const [name, values] of Object.entries(headers)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      lines += `${name}: ${Buffer.isBuffer(value) ? value.toString('latin1') : value}\n`;
    }
  }
  return lines;
}
