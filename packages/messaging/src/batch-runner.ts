import { park, type DeadLetterReason } from './dead-letters.ts';
import { deliver, type Delivered, type StepContext } from './deliver.ts';
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
export function createBatchRunner(options: BatchRunnerOptions) {
  const { step, pool, handOver, logger, metrics, poison, stopping } = options;
  let trouble: string | null = null;

  function committed(batch: readonly Delivery[], { facts, row, refused }: Delivered): void {
    if (row) handOver(row);
    metrics.count('step_batches_total', { step: step.name });
    metrics.count('step_messages_total', { step: step.name }, batch.length);
    metrics.count('step_facts_total', { step: step.name }, facts);
    for (const { message, reason, error } of refused) reportParked(message, reason, error);
    poison.passed(batch.length - refused.length);
  }

  function reportParked(message: Delivery, reason: DeadLetterReason, error: string): void {
    const { topic, partition, offset } = message;
    metrics.count('dead_letters_total', { step: step.name, reason });
    logger.error({ step: step.name, topic, partition, offset, reason, error }, 'message parked');
    poison.parked(reason);
  }

  async function parkAlone(
    message: Delivery,
    reason: 'FAULT' | 'REFUND_WITHOUT_CHARGE',
    error: unknown,
  ): Promise<void> {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    await transaction(pool, (tx) => park(tx, step.name, [{ message, reason, error: text }]));
    reportParked(message, reason, text);
  }

  async function wait(attempt: number, keeper: Keeper, why: string, error: unknown): Promise<void> {
    if (attempt === 0 || attempt % 20 === 0) logger.warn({ step: step.name, err: error, attempt }, why);
    trouble = why;
    await pause(backOffMs(attempt), stopping);
    if (stopping.aborted) throw new Abandoned('stopping');
    await keeper.heartbeat();
  }

  /**
   * Commits the batch, however often that takes: a lost race at once, a backend that is away after a pause, for ever;
   * the fault of a message by halving the batch (law ii makes that safe) until it is alone, then parking it.
   * @throws Abandoned when the process stops; what `heartbeat` throws when the partitions are taken away.
   */
  async function run(batch: readonly Delivery[], keeper: Keeper): Promise<void> {
    const tries = { 'lost-race': 0, constraint: 0, retry: 0 };
    for (;;) {
      const started = performance.now();
      try {
        const delivered = await deliver({ step, pool: options.pool, outbox: options.outbox }, batch);
        metrics.observe(
          'saga_step_duration_seconds',
          { step: step.name },
          (performance.now() - started) / 1000,
        );
        committed(batch, delivered);
        trouble = null;
        return;
      } catch (error) {
        const fault = classify(error, step.fences);
        if (fault.kind !== 'message')
          metrics.count('step_retries_total', { step: step.name, kind: fault.kind });
        if (fault.kind === 'lost-race' && ++tries['lost-race'] <= MAX_RACES) continue;
        if (fault.kind === 'constraint' && ++tries.constraint <= MAX_CONSTRAINT_RERUNS) continue;
        if (fault.kind === 'retry' || fault.kind === 'lost-race') {
          await wait(
            tries.retry++,
            keeper,
            fault.kind === 'retry' ? 'a backend is away' : 'races without end',
            error,
          );
          continue;
        }
        if (batch.length === 1) return parkUntilDone(batch[0] as Delivery, fault, error, keeper);
        return runHalves(batch, keeper);
      }
    }
  }

  async function runHalves(batch: readonly Delivery[], keeper: Keeper): Promise<void> {
    const half = Math.ceil(batch.length / 2);
    await run(batch.slice(0, half), keeper);
    await keeper.heartbeat();
    await run(batch.slice(half), keeper);
  }

  async function parkUntilDone(
    message: Delivery,
    fault: Fault,
    error: unknown,
    keeper: Keeper,
  ): Promise<void> {
    const reason = fault.kind === 'message' ? fault.reason : 'FAULT';
    for (let attempt = 0; ; attempt += 1) {
      try {
        await parkAlone(message, reason, error);
        trouble = null;
        return;
      } catch (parkError) {
        await wait(attempt, keeper, 'a message could not be parked yet', parkError);
      }
    }
  }

  return {
    run,
    /** Why the current batch does not get on; null when it does. */
    trouble: () => trouble,
  };
}
