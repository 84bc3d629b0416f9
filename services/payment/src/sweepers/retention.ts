import { purgeDeadLetters } from '@orderflow/messaging/dead-letters';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { purgeKeys } from '@orderflow/service-runtime/idempotency';
import { purgeFences, retentionSweeper } from '@orderflow/service-runtime/retention';

/** Idempotency keys live 7 days; fences of what is over and closed dead letters 30, longer than every late event (rule R10). */
export const retention = ({ pool }: WriteContext) =>
  retentionSweeper('payment', (work) => transaction(pool, work), [
    { purge: purgeKeys, days: 7 },
    { purge: purgeFences('payment_attempts'), days: 30 },
    { purge: purgeDeadLetters, days: 30 },
  ]);
