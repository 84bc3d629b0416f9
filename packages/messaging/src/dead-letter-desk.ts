import type { DeadLetter, DeadLetterReason, ReplayOutcome } from './dead-letters.ts';
import { onlyRow } from './outbox.ts';
import { transaction, type ConnectionPool, type Tx } from './postgres.ts';

/** A dead letter without its value: what a list shows. */
export interface DeadLetterLine extends Closing {
  readonly id: number;
  readonly step: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  /** The header `ce_id`, in base64. */
  readonly eventId: string | null;
  readonly reason: DeadLetterReason;
  readonly error: string;
  readonly parkedAt: Date;
}

/** How a dead letter was closed, by whom and why; all null while it is open. */
export interface Closing {
  readonly closedAt: Date | null;
  readonly outcome: ReplayOutcome | null;
  readonly closedBy: string | null;
  readonly note: string | null;
}

/** Which dead letters are meant: all conditions hold. */
export interface DeadLetterMatch {
  readonly step?: string | undefined;
  readonly topic?: string | undefined;
  readonly reason?: DeadLetterReason | undefined;
  readonly ids?: readonly number[] | undefined;
}

/** Who closes a dead letter, and why: kept in its row. */
export interface ClosedBy {
  readonly closedBy: string;
  readonly note: string;
}

const LINE = `id, step, topic, partition, "offset"::text, key, reason, error, parked_at AS "parkedAt",
              closed_at AS "closedAt", outcome, closed_by AS "closedBy", note`;

const MATCH = `($1::text IS NULL OR step = $1) AND ($2::text IS NULL OR topic = $2)
          AND ($3::text IS NULL OR reason = $3) AND ($4::bigint[] IS NULL OR id = ANY ($4))`;

function matchValues({ step, topic, reason, ids }: DeadLetterMatch): unknown[] {
  return [step ?? null, topic ?? null, reason ?? null, ids ?? null];
}

/** Dead letters, newest first: `limit` of them with a lower id than `before`, open ones only unless asked otherwise. */
export function pageOfDeadLetters(
  pool: ConnectionPool,
  page: DeadLetterMatch & {
    readonly includeClosed: boolean;
    readonly before?: number | undefined;
    readonly limit: number;
  },
): Promise<DeadLetterLine[]> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<DeadLetterLine>(
      `SELECT ${LINE}, headers ->> 'ce_id' AS "eventId"
         FROM dead_letters
        WHERE ${MATCH} AND ($5 OR closed_at IS NULL) AND ($6::bigint IS NULL OR id < $6)
        ORDER BY id DESC LIMIT $7`,
      [...matchValues(page), page.includeClosed, page.before ?? null, page.limit],
    );
    return rows;
  });
}

/** One dead letter with its whole message, or null. */
export function readDeadLetter(pool: ConnectionPool, id: number): Promise<(DeadLetter & Closing) | null> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<DeadLetter & Closing>(
      `SELECT ${LINE}, value, headers FROM dead_letters WHERE id = $1`,
      [id],
    );
    return rows[0] ?? null;
  });
}

/** How many open dead letters there are, by step and reason. */
export function countDeadLetters(
  pool: ConnectionPool,
): Promise<{ readonly step: string; readonly reason: string; readonly count: number }[]> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<{ step: string; reason: string; count: number }>(
      'SELECT step, reason, count(*) AS count FROM dead_letters WHERE closed_at IS NULL GROUP BY step, reason',
    );
    return rows;
  });
}

/** Open dead letters that match and have a higher id than `after`, oldest first; `total` counts beyond `limit` too. */
export function openDeadLetters(
  pool: ConnectionPool,
  match: DeadLetterMatch & { readonly after?: number | undefined; readonly limit: number },
): Promise<{ readonly total: number; readonly letters: readonly { id: number; step: string }[] }> {
  return transaction(pool, async (tx) => {
    const values = [...matchValues(match), match.after ?? 0];
    const where = `${MATCH} AND id > $5 AND closed_at IS NULL`;
    const counted = await tx.query<{ count: number }>(
      `SELECT count(*) AS count FROM dead_letters WHERE ${where}`,
      values,
    );
    const { rows } = await tx.query<{ id: number; step: string }>(
      `SELECT id, step FROM dead_letters WHERE ${where} ORDER BY id LIMIT $6`,
      [...values, match.limit],
    );
    return { total: onlyRow(counted.rows).count, letters: rows };
  });
}

/** Closes open dead letters without running them, in one statement; returns the ids of those it closed, sorted. */
export async function discardDeadLetters(
  tx: Pick<Tx, 'query'>,
  ids: readonly number[],
  { closedBy, note }: ClosedBy,
): Promise<number[]> {
  const { rows } = await tx.query<{ id: number }>(
    `UPDATE dead_letters SET closed_at = now(), outcome = 'DISCARDED', closed_by = $2, note = $3
      WHERE id IN (SELECT id FROM dead_letters WHERE id = ANY ($1::bigint[]) AND closed_at IS NULL
                    ORDER BY id FOR NO KEY UPDATE)
     RETURNING id`,
    [ids, closedBy, note],
  );
  return rows.map(({ id }) => id).sort((a, b) => a - b);
}
