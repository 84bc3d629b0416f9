import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { stockReserved } from '@orderflow/testing/events';
import { describeFenceRaces, type FencedSteps } from '@orderflow/testing/fence-races';
import { applyCoupons } from './apply-coupons.ts';
import { restoreCoupons } from './restore-coupons.ts';

const delivering =
  (step: Step): FencedSteps['forward'] =>
  (pool, batch) =>
    deliver({ step, pool, outbox: messageOutbox }, batch);

describeFenceRaces({
  name: 'coupon',
  migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
  fence: 'coupon_applications',
  createPool,
  forward: delivering(applyCoupons),
  undo: delivering(restoreCoupons),
  event: (orderId) => stockReserved({ orderId }),
});
