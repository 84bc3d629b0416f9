import { purgeDeadLetters } from '@orderflow/messaging/dead-letters';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { purgeKeys } from '@orderflow/service-runtime/idempotency';
import { purgeFences, retentionSweeper } from '@orderflow/service-runtime/retention';
import { purgeSalesOrders } from '../store/retention.ts';

/** Idempotency keys live 7 days; fences of what is over and closed dead letters 30, longer than every late event (rule R10). */
export const retention = ({ pool }: WriteContext) =>
  retentionSweeper('product', (work) => transaction(pool, work), [
    { purge: purgeKeys, days: 7 },
    { purge: purgeFences('stock_reservations'), days: 30 },
    { purge: purgeSalesOrders, days: 30 },
    { purge: purgeDeadLetters, days: 30 },
  ]);
