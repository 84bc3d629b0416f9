import type { Admin, Kafka } from 'kafkajs';
import { within } from './pause.ts';

/** How far one step is behind one partition, as the broker tells it. */
export interface PartitionLag {
  readonly step: string;
  readonly topic: string;
  readonly partition: number;
  /** Messages that the step has not committed yet. */
  readonly lag: number;
  /** The next message to read; null before the step's first commit. A decimal string: offsets may pass 2^53. */
  readonly committedOffset: string | null;
  /** The offset that the partition's next message will get. */
  readonly endOffset: string;
  /** Messages a second that the step has committed lately; null until there are two looks to compare. */
  readonly ratePerSecond: number | null;
  /** When the step will have caught up, if both sides go on like this; null when it is falling behind, or unknown. */
  readonly catchUpSeconds: number | null;
}

/** The broker did not tell its offsets. */
export class BrokerAway extends Error {
  readonly code = 'BROKER_AWAY';

  constructor(cause: unknown) {
    super(`broker away: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'BrokerAway';
  }
}

interface Position {
  readonly committed: bigint | null;
  readonly low: bigint;
  readonly end: bigint;
}

interface Sample {
  readonly at: number;
  readonly positions: ReadonlyMap<string, Position>;
}

/** Offsets are committed once a second, so a younger answer is not worth the 2 requests a topic. */
const CACHE_MS = 1_000;
/** Rates are those of the last half minute, and of two minutes at most when nobody looks more often. */
const WINDOW_MS = 30_000;
const WINDOW_MAX_MS = 120_000;
/** An operator who looks on keeps the connection; nobody else pays for one. */
const IDLE_MS = 30_000;
const ANSWER_MS = 2_500;

export interface LagReaderOptions {
  readonly kafka: Kafka;
  /** Each step's topics; a step's name is its consumer group. */
  readonly steps: readonly { readonly name: string; readonly topics: readonly string[] }[];
  readonly now?: () => number;
}

/** Asks the broker how far each step has come, over a connection that is opened on demand and closed when idle. */
export class LagReader {
  readonly #options: LagReaderOptions;
  readonly #now: () => number;
  #connection: Promise<Admin> | null = null;
  #isConnected = false;
  #idle: NodeJS.Timeout | undefined;
  #running: Promise<readonly PartitionLag[]> | null = null;
  #cached: { readonly at: number; readonly lags: readonly PartitionLag[] } | null = null;
  #samples: Sample[] = [];

  constructor(options: LagReaderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The lag of every partition of every step, at most a second old; calls at the same time share one look.
   * @throws BrokerAway when no broker answers within 2.5 s
   */
  read(): Promise<readonly PartitionLag[]> {
    if (this.#cached && this.#now() - this.#cached.at < CACHE_MS) return Promise.resolve(this.#cached.lags);
    this.#running ??= this.#look().finally(() => (this.#running = null));
    return this.#running;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const connection = this.#connection;
    this.#connection = null;
    this.#isConnected = false;
    const admin = await connection?.catch(() => undefined);
    await admin?.disconnect();
  }

  async #look(): Promise<readonly PartitionLag[]> {
    clearTimeout(this.#idle);
    let positions: ReadonlyMap<string, Position> | undefined;
    let failure: unknown = `no answer within ${ANSWER_MS} ms`;
    const asked = this.#ask().then(
      (found) => (positions = found),
      (error: unknown) => (failure = error),
    );
    await within(ANSWER_MS, asked);
    if (!positions) {
      // A connection that answers no more is given up; one that is still being made is waited for by the next look.
      if (this.#isConnected) this.#closeSoon(0);
      throw new BrokerAway(failure);
    }
    this.#closeSoon(IDLE_MS);
    return this.#remember({ at: this.#now(), positions });
  }

  #closeSoon(ms: number): void {
    this.#idle = setTimeout(() => void this.close().catch(() => undefined), ms).unref();
  }

  #connect(): Promise<Admin> {
    const connect = async () => {
      const admin = this.#options.kafka.admin({ retry: { retries: 1, initialRetryTime: 100 } });
      try {
        await admin.connect();
      } catch (error) {
        this.#connection = null;
        throw error;
      }
      this.#isConnected = true;
      return admin;
    };
    return (this.#connection ??= connect());
  }

  async #ask(): Promise<ReadonlyMap<string, Position>> {
    const { steps } = this.#options;
    const admin = await this.#connect();
    const topics = [...new Set(steps.flatMap((step) => step.topics))];
    const ends = new Map(
      await Promise.all(topics.map(async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const)),
    );
    const positions = new Map<string, Position>();
    for (const step of steps) {
      const groups = await admin.fetchOffsets({ groupId: step.name, topics: [...step.topics] });
      for (const { topic, partitions } of groups) {
        const offsets = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
        const inOrder = (ends.get(topic) ?? []).toSorted((a, b) => a.partition - b.partition);
        for (const { partition, high, low } of inOrder) {
          const offset = offsets.get(partition) ?? -1n;
          const committed = offset < 0n ? null : offset;
          positions.set(keyOf(step.name, topic, partition), {
            committed,
            low: BigInt(low),
            end: BigInt(high),
          });
        }
      }
    }
    return positions;
  }

  #remember(sample: Sample): readonly PartitionLag[] {
    const kept = this.#samples.filter(({ at }) => sample.at - at <= WINDOW_MAX_MS);
    while (kept[1] && sample.at - kept[1].at >= WINDOW_MS) kept.shift();
    const [before] = kept;
    this.#samples = [...kept, sample];
    const seconds = before ? (sample.at - before.at) / 1_000 : 0;
    const lags = [...sample.positions].map(([key, position]) =>
      lagOf(key, position, seconds > 0 ? before?.positions.get(key) : undefined, seconds),
    );
    this.#cached = { at: sample.at, lags };
    return lags;
  }
}

function lagOf(key: string, position: Position, before: Position | undefined, seconds: number): PartitionLag {
  const [step = '', topic = '', partition = ''] = key.split('/');
  const lag = Number(position.end - placeOf(position));
  const read = before ? Number(placeOf(position) - placeOf(before)) / seconds : null;
  const written = before ? Number(position.end - before.end) / seconds : null;
  const gain = read !== null && written !== null ? read - written : 0;
  return {
    step,
    topic,
    partition: Number(partition),
    lag,
    committedOffset: position.committed?.toString() ?? null,
    endOffset: position.end.toString(),
    ratePerSecond: read === null ? null : Math.max(0, read),
    catchUpSeconds: lag === 0 ? 0 : gain > 0 ? lag / gain : null,
  };
}

/** Where the step reads next: what is gone by age is not behind it any more. */
function placeOf({ committed, low }: Position): bigint {
  return committed === null || committed < low ? low : committed;
}

function keyOf(step: string, topic: string, partition: number): string {
  return `${step}/${topic}/${partition}`;
}
