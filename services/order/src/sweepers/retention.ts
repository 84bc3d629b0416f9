import { purgeDeadLetters } from '@orderflow/messaging/dead-letters';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { purgeKeys } from '@orderflow/service-runtime/idempotency';
import { retentionSweeper } from '@orderflow/service-runtime/retention';

/** Idempotency keys live 7 days, closed dead letters 30. Orders and their history are never deleted. */
export const retention = ({ pool }: WriteContext) =>
  retentionSweeper('order', (work) => transaction(pool, work), [
    { purge: purgeKeys, days: 7 },
    { purge: purgeDeadLetters, days: 30 },
  ]);
