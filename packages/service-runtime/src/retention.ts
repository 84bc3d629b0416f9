import type { Queryable } from './idempotency.ts';
import type { Sweeper } from './sweeper.ts';

/** Deletes at most `limit` rows that are older than `days`, and says how many. */
export type Purge = (tx: Queryable, options: { days: number; limit: number }) => Promise<number>;

const INTERVAL_MS = 60 * 60 * 1000;
/** Rows of one transaction: a sweep never holds many locks, nor for long. */
const LIMIT = 1_000;

/**
 * Deletes, once an hour, what nothing can ask for any more. Safe on several instances at once as long as each purge
 * skips locked rows.
 * @param inTransaction runs its argument in one transaction
 */
export function retentionSweeper(
  inTransaction: (work: (tx: Queryable) => Promise<number>) => Promise<number>,
  kept: readonly { readonly purge: Purge; readonly days: number }[],
): Sweeper {
  return {
    name: 'retention',
    intervalMs: INTERVAL_MS,
    async sweep() {
      for (const { purge, days } of kept) {
        let purged = LIMIT;
        while (purged === LIMIT) purged = await inTransaction((tx) => purge(tx, { days, limit: LIMIT }));
      }
    },
  };
}
