import { park, type DeadLetterReason } from './dead-letters.ts';
import { deliver, type StepContext } from './deliver.ts';
import { classify, type Fault } from './faults.ts';
import type { KitLogger } from './kafka-client.ts';
import type { KitMetrics } from './kit-metrics.ts';
import type { HandOver } from './outbox.ts';
import { backOffMs, pause } from './pause.ts';
import type { PoisonMeter } from './poison.ts';
import { transaction } from './postgres.ts';
import type { Delivery } from './step.ts';

export interface BatchRunnerOptions extends StepContext {
  readonly handOver: HandOver;
  readonly logger: KitLogger;
  readonly metrics: KitMetrics;
  readonly poison: PoisonMeter;
  readonly stopping: AbortSignal;
}

/** What the runner needs of the consumer while it waits. */
export interface Keeper {
  /** Tells the group that this member lives. Throws when its partitions are being taken away: the batch is given up. */
  heartbeat(): Promise<void>;
}

/** The batch was given up before it was committed: its offsets must not be resolved. */
export class Abandoned extends Error {
  readonly code = 'ABANDONED';
}

/** After so many lost races in a row something else is wrong than a race: back off and say so. */
const MAX_RACES = 10;
/** An integrity error that is not a fence's may still be a race with another writer. */
const MAX_CONSTRAINT_RERUNS = 3;

/** Runs batches of one step until each message is committed or parked. */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  #trouble: string | null = null;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  /** Why the current batch does not get on; null when it does. */
  trouble(): string | null {
    return this.#trouble;
  }

  /**
   * Commits the batch, however often that takes: a lost race at once, a backend that is away after a pause, for ever;
   * the fault of a message by halving the batch (law ii makes that safe) until it is alone, then parking it.
   * @returns how many messages from the batch's start are done: all of them, unless a flood of faults stops the run.
   * @throws Abandoned when the process stops; what `heartbeat` throws when the partitions are taken away.
   */
  async run(batch: readonly Delivery[], keeper: Keeper): Promise<number> {
    const { step, metrics, poison } = this.#options;
    const tries = { 'lost-race': 0, constraint: 0, retry: 0 };
    while (!poison.flooded()) {
      try {
        await this.#commit(batch);
        return batch.length;
      } catch (error) {
        const fault = classify(error, step.fences);
        const { kind } = fault;
        if (kind !== 'message') metrics.count('step_retries_total', { step: step.name, kind });
        if (kind === 'lost-race' && ++tries[kind] <= MAX_RACES) continue;
        if (kind === 'constraint' && ++tries[kind] <= MAX_CONSTRAINT_RERUNS) continue;
        if (kind === 'retry' || kind === 'lost-race') {
          await this.#wait(
            tries.retry++,
            keeper,
            kind === 'retry' ? 'a backend is away' : 'races without end',
            error,
          );
          continue;
        }
        return this.#isolate(batch, fault, error, keeper);
      }
    }
    return 0;
  }

  async #commit(batch: readonly Delivery[]): Promise<void> {
    const { step, handOver, metrics, poison, failAt } = this.#options;
    const started = performance.now();
    if (failAt) await failAt('step.before-transaction');
    const { facts, row, refused } = await deliver(this.#options, batch);
    if (failAt) await failAt('step.committed');
    if (row) handOver(row);
    this.#trouble = null;
    metrics.observe('saga_step_duration_seconds', { step: step.name }, (performance.now() - started) / 1000);
    metrics.count('step_batches_total', { step: step.name, size: sizeClass(batch.length) });
    metrics.count('step_messages_total', { step: step.name }, batch.length);
    metrics.count('step_facts_total', { step: step.name }, facts);
    for (const { message, reason, error } of refused) this.#reportParked(message, reason, error);
    poison.passed(batch.length - refused.length);
  }

  async #isolate(batch: readonly Delivery[], fault: Fault, error: unknown, keeper: Keeper): Promise<number> {
    const [only] = batch;
    if (only && batch.length === 1) {
      await this.#parkUntilDone(only, fault, error, keeper);
      return 1;
    }
    const half = Math.ceil(batch.length / 2);
    const done = await this.run(batch.slice(0, half), keeper);
    if (done < half) return done;
    await keeper.heartbeat();
    return half + (await this.run(batch.slice(half), keeper));
  }

  async #parkUntilDone(message: Delivery, fault: Fault, error: unknown, keeper: Keeper): Promise<void> {
    const { step, pool, failAt } = this.#options;
    const reason = fault.kind === 'message' ? fault.reason : 'FAULT';
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (failAt) await failAt('park.before-transaction');
        await transaction(pool, async (tx) => {
          await park(tx, step.name, [{ message, reason, error: text }]);
          if (failAt) await failAt('park.before-commit');
        });
        if (failAt) await failAt('park.committed');
        this.#trouble = null;
        this.#reportParked(message, reason, text);
        return;
      } catch (parkError) {
        await this.#wait(attempt, keeper, 'a message could not be parked yet', parkError);
      }
    }
  }

  #reportParked(message: Delivery, reason: DeadLetterReason, error: string): void {
    const { step, logger, metrics, poison } = this.#options;
    const { topic, partition, offset } = message;
    metrics.count('dead_letters_total', { step: step.name, reason });
    logger.error({ step: step.name, topic, partition, offset, reason, error }, 'message parked');
    poison.parked(reason);
  }

  async #wait(attempt: number, keeper: Keeper, why: string, error: unknown): Promise<void> {
    const { step, logger, stopping } = this.#options;
    if (attempt % 20 === 0) logger.warn({ step: step.name, err: error, attempt }, why);
    this.#trouble = why;
    await pause(backOffMs(attempt), stopping);
    if (stopping.aborted) throw new Abandoned('stopping');
    await keeper.heartbeat();
  }
}

/** The largest power of two that is not above `messages`, as a label. */
function sizeClass(messages: number): string {
  return String(2 ** Math.floor(Math.log2(messages)));
}
