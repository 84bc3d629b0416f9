import { purgeDeadLetters } from '@orderflow/messaging/dead-letters';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { purgeKeys } from '@orderflow/service-runtime/idempotency';
import { retentionSweeper } from '@orderflow/service-runtime/retention';
import { purgeApplications } from '../store/retention.ts';

/** Idempotency keys live 7 days; fences of what is over and closed dead letters 30, longer than every late event (rule R10). */
export const retention = ({ pool }: WriteContext) =>
  retentionSweeper(
    (work) => transaction(pool, work),
    [
      { purge: purgeKeys, days: 7 },
      { purge: purgeApplications, days: 30 },
      { purge: purgeDeadLetters, days: 30 },
    ],
  );
