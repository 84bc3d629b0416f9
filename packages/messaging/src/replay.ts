import type { DeadLetter, ReplayOutcome } from './dead-letters.ts';
import { applyStep, decodeBatch, type StepContext } from './deliver.ts';
import type { HandOver } from './outbox.ts';
import { transaction } from './postgres.ts';

/** A replay that left the dead letter open: why. */
export interface ReplayRefused {
  readonly refused: string;
}

/** An older one can only be discarded: tombstones go after 30 days, and without one an old event would act (rule R10). */
const REPLAY_DAYS = 21;

/**
 * Runs the step on a parked message's stored bytes and closes the dead letter in the same transaction (rule R9); it is
 * never published to its topic again.
 * @returns the outcome; `null` when the dead letter is not open or not this step's; why, when it still cannot be read.
 * @throws what the step throws: the dead letter then stays open.
 */
export async function replayDeadLetter(
  context: StepContext & { readonly handOver: HandOver },
  id: number,
): Promise<ReplayOutcome | ReplayRefused | null> {
  const done = await transaction(context.pool, async (tx, now) => {
    const { rows } = await tx.query<DeadLetter & { tooOld: boolean }>(
      `SELECT topic, partition, "offset"::text, key, value, headers,
              parked_at < now() - make_interval(days => $3) AS "tooOld"
         FROM dead_letters
        WHERE id = $1 AND step = $2 AND closed_at IS NULL FOR UPDATE`,
      [id, context.step.name, REPLAY_DAYS],
    );
    const [letter] = rows;
    if (!letter) return { refused: null };
    if (letter.tooOld) return { refused: `TOO_OLD: parked more than ${REPLAY_DAYS} days ago` };
    const { events, refused } = decodeBatch(context.step, [
      { ...letter, headers: headersFromJson(letter.headers) },
    ]);
    if (refused[0]) return { refused: `${refused[0].reason}: ${refused[0].error}` };
    const { facts, row } = await applyStep(context, tx, now, events);
    const outcome: ReplayOutcome = facts > 0 ? 'REPLAYED' : 'NO_EFFECT';
    await tx.query('UPDATE dead_letters SET closed_at = now(), outcome = $2 WHERE id = $1', [id, outcome]);
    return { outcome, row };
  });
  if (!('outcome' in done)) return done.refused === null ? null : { refused: done.refused };
  if (done.row) context.handOver(done.row);
  return done.outcome;
}

function headersFromJson(headers: Readonly<Record<string, string>>): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
  );
}
