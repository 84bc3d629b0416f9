import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import { purgeKeys } from '@orderflow/service-runtime/idempotency';
import type { Sweeper } from '@orderflow/service-runtime/sweeper';
import { purgeDeadLetters, purgeReservations, purgeSalesOrders } from '../store/retention.ts';

/** Rows of one transaction. */
const LIMIT = 1_000;

/** Idempotency keys live 7 days; rows of what is over and closed dead letters 30, longer than every late event. */
const RETAINED = [
  { purge: purgeKeys, days: 7 },
  { purge: purgeReservations, days: 30 },
  { purge: purgeSalesOrders, days: 30 },
  { purge: purgeDeadLetters, days: 30 },
] as const;

/** Deletes what nothing can ask for any more. Safe on several instances at once. */
export const retention = (write: WriteContext): Sweeper => ({
  name: 'retention',
  intervalMs: 60 * 60 * 1000,
  async sweep() {
    for (const { purge, days } of RETAINED) {
      let purged = LIMIT;
      while (purged === LIMIT) {
        purged = await commitWithOutbox(write, async (tx) => ({
          result: await purge(tx, { days, limit: LIMIT }),
          messages: [],
        }));
      }
    }
  },
});
