import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { wireType } from '@orderflow/shared-events/contract';
import kafkajs, {
  type Admin,
  type Consumer,
  type IHeaders,
  type IMemberAssignment,
  type Kafka,
  type Message,
} from 'kafkajs';
import type { Seeded } from '../seeded.ts';
import type { Chaos, Strike } from './chaos.ts';

const { Kafka: KafkaClient, logLevel } = kafkajs;

/** The header by which a record of these faults is known again. */
export const POISON_HEADER = 'chaos-poison';

export function clientOf({ stack }: Pick<Chaos, 'stack'>): Kafka {
  const { brokers } = stack.current().kafka;
  const retry = { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 };
  return new KafkaClient({ clientId: 'chaos', brokers: [...brokers], logLevel: logLevel.NOTHING, retry });
}

/** A record as it lies in a topic. */
export interface StoredRecord extends Pick<Message, 'key' | 'value'> {
  readonly partition: number;
  readonly offset: string;
  readonly headers: IHeaders;
}

/** Both ends of every partition of a topic. */
export async function endsOf(
  client: Kafka,
  topic: string,
): Promise<Array<{ partition: number; low: bigint; high: bigint }>> {
  const offsets = await asAdmin(client, (admin) => admin.fetchTopicOffsets(topic));
  return offsets.map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }));
}

async function asAdmin<Answer>(client: Kafka, ask: (admin: Admin) => Promise<Answer>): Promise<Answer> {
  const admin = client.admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

const READ_LIMIT_MS = 60_000;
let readers = 0;

/**
 * Reads a topic in a group of its own up to where it ends now.
 * @param newest only so many records of each partition; all by default
 * @throws Error when the end is not reached within a minute without any record
 */
export async function readTopic(
  client: Kafka,
  topic: string,
  newest: number | null,
  onRecord: (record: StoredRecord) => void,
): Promise<void> {
  const wanted = new Map(
    (await endsOf(client, topic))
      .filter(({ low, high }) => high > low)
      .map(({ partition, low, high }) => {
        const from = newest === null || high - BigInt(newest) < low ? low : high - BigInt(newest);
        return [partition, { from, last: high - 1n }] as const;
      }),
  );
  if (wanted.size === 0) return;
  readers += 1;
  const consumer = client.consumer({ groupId: `chaos-${process.pid}-${readers}`, maxWaitTimeInMs: 200 });
  const open = new Set(wanted.keys());
  let timer: NodeJS.Timeout | undefined;
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const patience = () => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(new Error(`${topic} was not read to its end`)), READ_LIMIT_MS);
      };
      patience();
      const run = consumer.run({
        autoCommit: false,
        eachMessage: ({ partition, message: { key, value, headers = {}, offset } }) => {
          patience();
          const range = wanted.get(partition);
          const place = BigInt(offset);
          if (range && place >= range.from && place <= range.last)
            onRecord({ partition, offset, key, value, headers });
          if (range && place >= range.last) open.delete(partition);
          if (open.size === 0) resolve();
          return Promise.resolve();
        },
      });
      run.catch(reject);
      for (const [partition, { from }] of wanted) consumer.seek({ topic, partition, offset: String(from) });
    });
  } finally {
    clearTimeout(timer);
    await leave(consumer);
  }
}

async function leave(consumer: Consumer): Promise<void> {
  await consumer.disconnect().catch(() => undefined);
}

async function publish(chaos: Chaos, topic: string, messages: Message[]): Promise<void> {
  const producer = clientOf(chaos).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

const NEWEST = 40;

/** What was delivered a moment ago is delivered again. */
export const deliverTwice: Strike = async (chaos, { target }) => {
  const records: StoredRecord[] = [];
  await readTopic(clientOf(chaos), target, NEWEST, (record) => records.push(record));
  if (records.length === 0) throw new Error(`${target} is empty`);
  await publish(
    chaos,
    target,
    records.map(({ key, value, headers, partition }) => ({ key: key ?? null, value, headers, partition })),
  );
  return `${records.length} records`;
};

/** All offsets of a group back to the beginning, as a member of it: the others keep nothing back. */
export const rewind: Strike = async (chaos, { target }) => {
  const topics = TOPICS.filter(({ consumers }) => (consumers as readonly string[]).includes(target)).map(
    ({ name }) => name,
  );
  const client = clientOf(chaos);
  const ends = await Promise.all(topics.map(async (topic) => ({ topic, ends: await endsOf(client, topic) })));
  const member = client.consumer({ groupId: target, sessionTimeout: 6_000, rebalanceTimeout: 10_000 });
  try {
    await member.connect();
    await member.subscribe({ topics, fromBeginning: true });
    const joined = new Promise<IMemberAssignment>((resolve, reject) => {
      member.on(member.events.GROUP_JOIN, ({ payload }) => resolve(payload.memberAssignment));
      member.on(member.events.CRASH, ({ payload }) => reject(payload.error));
    });
    // It reads nothing that it would answer for: what it is given is read again by whom it is given to next.
    await member.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() });
    const assigned = await joined;
    await member.commitOffsets(
      ends.flatMap(({ topic, ends: partitions }) =>
        partitions.map(({ partition, low }) => ({ topic, partition, offset: String(low) })),
      ),
    );
    // What the others own they may have committed again; what is its own nobody has.
    const own = ends.flatMap(({ topic, ends: partitions }) =>
      partitions
        .filter(({ partition }) => assigned[topic]?.includes(partition))
        .map((end) => ({ topic, ...end })),
    );
    await expectCommitted(client, target, own);
    return `${own.reduce((sum, { low, high }) => sum + (high - low), 0n)} records of ${own.length} partitions`;
  } finally {
    await leave(member);
  }
};

/** @throws Error when a group is not at the begin of these partitions. */
async function expectCommitted(
  client: Kafka,
  groupId: string,
  begins: ReadonlyArray<{ readonly topic: string; readonly partition: number; readonly low: bigint }>,
): Promise<void> {
  const committed = await asAdmin(client, (admin) => admin.fetchOffsets({ groupId }));
  for (const { topic, partition, low } of begins) {
    const offsets = committed.find((one) => one.topic === topic)?.partitions ?? [];
    const offset = offsets.find((one) => one.partition === partition)?.offset;
    if (offset !== String(low)) throw new Error(`${groupId} is at ${offset} of ${topic}/${partition}`);
  }
}

function topicOf(topic: string): TopicDefinition {
  const found = TOPICS.find(({ name }) => name === topic);
  if (!found) throw new Error(`no topic ${topic}`);
  return found;
}

/** One kind of garbage after the other; the exact reasons have their own test. */
function garbage(topic: string, random: Seeded): Message {
  const { event } = topicOf(topic);
  const value = random.pick([
    Buffer.from('{"orderId": 1,'),
    Buffer.from('[]'),
    Buffer.from([0xff, 0xfe, 0]),
    null,
  ]);
  const key = String(random.between(1, 1_000_000));
  return {
    key,
    value,
    headers: { ce_type: wireType(event), [POISON_HEADER]: String(random.between(0, 2 ** 31)) },
  };
}

const POISON_AT_ONCE = 20;

export const poison: Strike = async (chaos, { target }, random) => {
  await publish(
    chaos,
    target,
    Array.from({ length: POISON_AT_ONCE }, () => garbage(target, random)),
  );
  return `${POISON_AT_ONCE} records`;
};

/** Where the poison lies, and which steps read it there: what dead letters there must be, and no others. */
export async function findPoison(chaos: Pick<Chaos, 'stack'>): Promise<string[]> {
  const found: string[] = [];
  for (const { name, consumers } of TOPICS) {
    await readTopic(clientOf(chaos), name, null, ({ partition, offset, headers }) => {
      if (headers[POISON_HEADER] === undefined) return;
      found.push(...consumers.map((step) => `${step} ${name}/${partition}/${offset}`));
    });
  }
  return found.sort();
}
