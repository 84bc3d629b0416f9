import type { ClosedBy } from './dead-letter-desk.ts';
import type { DeadLetter, DeadLetterReason, ReplayOutcome } from './dead-letters.ts';
import { applyStep, decodeBatch, type StepContext } from './deliver.ts';
import { classify } from './faults.ts';
import type { HandOver, OutboxRow } from './outbox.ts';
import { transaction } from './postgres.ts';
import type { Fact } from './step.ts';

/** A replay that left the dead letter open: why. */
export interface ReplayRefused {
  /** Too old, a step that this release does not have, or the reason it would be parked for once more. */
  readonly refused: 'TOO_OLD' | 'STEP_NOT_FOUND' | DeadLetterReason;
  readonly why: string;
}

export interface ReplayOptions extends Partial<ClosedBy> {
  /** Runs the step, says how it ended and takes everything back. */
  readonly dryRun?: boolean;
}

/** An older one can only be discarded: tombstones go after 30 days, and without one an old event would act (rule R10). */
const REPLAY_DAYS = 21;
/** Two operators, or an operator and the step itself, may meet on one order (rule R1). */
const LOST_RACES_MAX = 10;

/** Carries a dry run's result out of the transaction that it undoes. */
class DryRun extends Error {
  readonly outcome: ReplayOutcome;

  constructor(outcome: ReplayOutcome) {
    super('a dry run takes its effects back');
    this.name = 'DryRun';
    this.outcome = outcome;
  }
}

/**
 * Runs the step on a parked message's stored bytes and closes the dead letter in the same transaction (rule R9); it is
 * never published to its topic again.
 * @returns the outcome; `null` when the dead letter is not open or not this step's; why, when it cannot be read, is too
 *   old or is still the message's fault: the dead letter then stays open.
 * @throws what asks for another try later: a database that is away, a lock that was not free in time.
 */
export async function replayDeadLetter(
  context: StepContext & { readonly handOver: HandOver },
  id: number,
  options: ReplayOptions = {},
): Promise<ReplayOutcome | ReplayRefused | null> {
  for (let races = 0; ; races += 1) {
    try {
      return await runOnce(context, id, options);
    } catch (error) {
      if (error instanceof DryRun) return error.outcome;
      const fault = classify(error, context.step.fences);
      if (fault.kind === 'lost-race' && races < LOST_RACES_MAX) continue;
      if (fault.kind === 'retry' || fault.kind === 'lost-race') throw error;
      const why = error instanceof Error ? error.message : String(error);
      return { refused: fault.kind === 'message' ? fault.reason : 'FAULT', why };
    }
  }
}

async function runOnce(
  context: StepContext & { readonly handOver: HandOver },
  id: number,
  { dryRun = false, closedBy, note }: ReplayOptions,
): Promise<ReplayOutcome | ReplayRefused | null> {
  const { step, failAt } = context;
  type Done = { outcome: ReplayOutcome; row: OutboxRow | undefined; facts: readonly Fact[] };
  if (failAt) await failAt('replay.before-transaction');
  const done = await transaction(context.pool, async (tx, now): Promise<Done | ReplayRefused | null> => {
    const { rows } = await tx.query<DeadLetter & { tooOld: boolean }>(
      `SELECT topic, partition, "offset"::text, key, value, headers,
              parked_at < now() - make_interval(days => $3) AS "tooOld"
         FROM dead_letters
        WHERE id = $1 AND step = $2 AND closed_at IS NULL FOR UPDATE`,
      [id, step.name, REPLAY_DAYS],
    );
    const [letter] = rows;
    if (!letter) return null;
    if (letter.tooOld) return { refused: 'TOO_OLD', why: `parked more than ${REPLAY_DAYS} days ago` };
    const { events, refused } = decodeBatch(step, [{ ...letter, headers: headersFromJson(letter.headers) }]);
    if (refused[0]) return { refused: refused[0].reason, why: refused[0].error };
    const state = await step.load(tx, events);
    if (failAt) await failAt('replay.loaded');
    const { facts, row } = applyStep(context, tx, now, events, state);
    const outcome: ReplayOutcome = facts.length > 0 ? 'REPLAYED' : 'NO_EFFECT';
    await tx.query(
      'UPDATE dead_letters SET closed_at = now(), outcome = $2, closed_by = $3, note = $4 WHERE id = $1',
      [id, outcome, closedBy ?? null, note ?? null],
    );
    if (failAt) await failAt('replay.before-commit');
    // What the step writes has been tried, too: it was sent before this.
    if (dryRun) throw new DryRun(outcome);
    return { outcome, row, facts };
  });
  if (failAt) await failAt('replay.committed');
  if (done === null || 'refused' in done) return done;
  if (done.row) context.handOver(done.row);
  if (done.facts.length > 0) context.committed?.(done.facts);
  return done.outcome;
}

function headersFromJson(headers: Readonly<Record<string, string>>): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
  );
}
