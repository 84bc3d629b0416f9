import type { Consumer } from 'kafkajs';
import type { FailAt } from './failpoints.ts';
import type { KitLogger } from './kafka-client.ts';

/** Replaying a second's events is harmless, an offset commit a batch is a request a batch. */
const COMMIT_INTERVAL_MS = 1_000;

export interface OffsetCommitsOptions {
  readonly logger: KitLogger;
  readonly failAt?: FailAt | undefined;
}

/** Commits what is resolved once a second, also when no batch follows: the lag at rest is then zero. */
export class OffsetCommits {
  readonly #consumer: Pick<Consumer, 'commitOffsets'>;
  readonly #options: OffsetCommitsOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #next = new Map<string, { topic: string; partition: number; offset: string }>();

  constructor(consumer: Pick<Consumer, 'commitOffsets'>, options: OffsetCommitsOptions) {
    this.#consumer = consumer;
    this.#options = options;
    this.#timer = setInterval(() => void this.#commit(), COMMIT_INTERVAL_MS);
  }

  /** The partition is done up to this offset, and with it. */
  resolved(topic: string, partition: number, offset: string): void {
    this.#next.set(`${topic}/${partition}`, { topic, partition, offset: (BigInt(offset) + 1n).toString() });
  }

  /** Forgets what is not committed yet: its partitions may be another member's now. */
  clear(): void {
    this.#next.clear();
  }

  /** Commits what is resolved and ends. Never throws. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#commit();
  }

  async #commit(): Promise<void> {
    if (this.#next.size === 0) return;
    const { logger, failAt } = this.#options;
    try {
      if (failAt) await failAt('offsets.before-commit');
      const resolved = [...this.#next];
      await this.#consumer.commitOffsets(resolved.map(([, offset]) => offset));
      if (failAt) await failAt('offsets.committed');
      for (const [partition, offset] of resolved) {
        if (this.#next.get(partition) === offset) this.#next.delete(partition);
      }
    } catch (error) {
      // Tried again in a second, or newer ones, unless the partitions moved on meanwhile.
      logger.debug({ err: error }, 'offsets not committed');
    }
  }
}
