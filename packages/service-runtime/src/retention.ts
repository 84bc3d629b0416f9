import type { Queryable } from './idempotency.ts';
import type { Sweeper } from './sweeper.ts';

/** Deletes at most `limit` rows that are older than `days`, and says how many. */
export type Purge = (tx: Queryable, options: { days: number; limit: number }) => Promise<number>;

/**
 * The purge of a table of fences: rows of orders that are over. A done one is never deleted: it is what a refund undoes
 * (rule R10).
 */
export function purgeFences(table: string): Purge {
  return async (tx, { days, limit }) => {
    const { rows } = await tx.query(
      `DELETE FROM ${table} WHERE order_id IN (
         SELECT order_id FROM ${table}
          WHERE status <> 'done' AND updated_at < now() - make_interval(days => $1)
          LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING order_id`,
      [days, limit],
    );
    return rows.length;
  };
}

const INTERVAL_MS = 60 * 60 * 1000;
/** Rows of one transaction: a sweep never holds many locks, nor for long. */
const LIMIT = 1_000;

/**
 * Deletes, once an hour, what nothing can ask for any more. Safe on several instances at once as long as each purge
 * skips locked rows.
 * @param service its name, part of the sweeper's
 * @param inTransaction runs its argument in one transaction
 */
export function retentionSweeper(
  service: string,
  inTransaction: (work: (tx: Queryable) => Promise<number>) => Promise<number>,
  kept: readonly { readonly purge: Purge; readonly days: number }[],
): Sweeper {
  return {
    name: `${service}.retention`,
    alone: true,
    intervalMs: INTERVAL_MS,
    async sweep() {
      for (const { purge, days } of kept) {
        let purged = LIMIT;
        while (purged === LIMIT) purged = await inTransaction((tx) => purge(tx, { days, limit: LIMIT }));
      }
    },
  };
}
