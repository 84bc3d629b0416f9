import { randomUUID } from 'node:crypto';
import { decodeOneOf } from '@orderflow/shared-events/envelope';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import kafkajs, { type Admin, type KafkaMessage } from 'kafkajs';
import { CommandFailure, EXIT } from '../failure.ts';
import type { Screen } from '../screen.ts';
import type { Target } from '../target.ts';

const { Kafka, logLevel } = kafkajs;

export interface TailOptions {
  /** Milliseconds back, or everything there is; only what comes from now on when absent. */
  readonly from?: number | 'beginning' | undefined;
  /** Say of each message whether it keeps its contract. */
  readonly validate: boolean;
  /** Ends after so many. */
  readonly count?: number | undefined;
  /** False: ends at what was there when the command began. */
  readonly follow: boolean;
}

const DATA_WIDTH = 90;

/**
 * Prints messages of a topic as they come; JSON lines with `--json`. Reads under a group name of its own that commits
 * nothing, so no service notices.
 * @returns 1 when `validate` found a message that breaks its contract
 */
export async function tailTopic(
  target: Target,
  name: string,
  options: TailOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const topic = TOPICS.find((known) => known.name === name);
  if (!topic) {
    const names = TOPICS.map((known) => known.name).join(', ');
    throw new CommandFailure(`There is no topic ${name}. Topics: ${names}`, EXIT.usage);
  }
  const client = new Kafka({
    clientId: 'orderflow-cli',
    brokers: [...target.brokers()],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    retry: { retries: 2 },
  });
  const admin = client.admin();
  await admin.connect().catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`Kafka does not answer: ${why}`, EXIT.unavailable);
  });
  const places = await placesOf(admin, name, options.from).finally(() => admin.disconnect());
  return read(client, topic, places, options, screen, signal);
}

/** Where reading begins, and where a reader that does not follow ends. */
interface Place {
  readonly partition: number;
  readonly offset: string;
  readonly end: string;
}

async function placesOf(admin: Admin, topic: string, from: TailOptions['from']): Promise<Place[]> {
  const ends = await admin.fetchTopicOffsets(topic);
  const since =
    typeof from === 'number' ? await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - from) : [];
  return ends.map(({ partition, high, low }) => ({
    partition,
    end: high,
    offset:
      from === 'beginning' ? low : (since.find((place) => place.partition === partition)?.offset ?? high),
  }));
}

async function read(
  client: InstanceType<typeof Kafka>,
  topic: TopicDefinition,
  places: readonly Place[],
  options: TailOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const left = new Map(places.map(({ partition, offset, end }) => [partition, BigInt(end) - BigInt(offset)]));
  const isOver = () => !options.follow && [...left.values()].every((messages) => messages <= 0n);
  if (isOver()) return 0;
  const consumer = client.consumer({ groupId: `orderflow-tail-${randomUUID()}`, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic: topic.name, fromBeginning: true });
  let seen = 0;
  let broken = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      const eachMessage = ({ partition, message }: { partition: number; message: KafkaMessage }) => {
        const remaining = (left.get(partition) ?? 0n) - 1n;
        left.set(partition, remaining);
        if (seen === options.count || (!options.follow && remaining < 0n)) return Promise.resolve();
        seen += 1;
        if (!printMessage(topic, partition, message, options.validate, screen)) broken += 1;
        if (seen === options.count || isOver()) resolve();
        return Promise.resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
      for (const { partition, offset } of places) consumer.seek({ topic: topic.name, partition, offset });
    });
  } finally {
    await consumer.disconnect();
  }
  if (options.validate) screen.note(`${seen} messages, ${broken} break their contract`);
  return broken > 0 ? EXIT.failed : 0;
}

/** @returns false when the message was to be checked and breaks its contract */
function printMessage(
  topic: TopicDefinition,
  partition: number,
  message: KafkaMessage,
  validate: boolean,
  screen: Screen,
): boolean {
  const { key, value, headers = {}, offset, timestamp } = message;
  const decoded = validate ? decodeOneOf(topic.versions, { key, value, headers }) : null;
  const error = decoded?.ok === false ? `${decoded.reason}: ${decoded.error}` : null;
  const header = (name: string) => headers[name]?.toString() ?? null;
  const at = new Date(Number(timestamp)).toISOString();
  const line = {
    at,
    topic: topic.name,
    partition,
    offset,
    key: key?.toString() ?? null,
    type: header('ce_type'),
    id: header('ce_id'),
  };
  const text = value?.toString() ?? null;
  if (screen.json) {
    screen.out(
      JSON.stringify({ ...line, ...(validate ? { valid: error === null, error } : {}), data: dataOf(text) }),
    );
  } else {
    const verdict = validate ? (error === null ? ' ✔' : ` ✘ ${error}`) : '';
    screen.out(
      `${at} ${partition}/${offset} ${line.id ?? `key ${line.key ?? 'null'}`}${verdict} ${shorten(text ?? 'null')}`,
    );
  }
  return error === null;
}

/** JSON when it is, else the text. */
function dataOf(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shorten(text: string): string {
  const printable = text.replace(/\p{Cc}/gu, ' ');
  return printable.length > DATA_WIDTH ? `${printable.slice(0, DATA_WIDTH - 1)}…` : printable;
}
