import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { couponApplied } from '@orderflow/testing/events';
import { describeFenceRaces, type FencedSteps } from '@orderflow/testing/fence-races';
import { chargeOrders } from './charge-orders.ts';
import { refundOrders } from './refund-orders.ts';

const delivering =
  (step: Step): FencedSteps['forward'] =>
  (pool, batch) =>
    deliver({ step, pool, outbox: messageOutbox }, batch);

describeFenceRaces({
  name: 'user_balance',
  migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
  fence: 'order_charges',
  createPool,
  forward: delivering(chargeOrders),
  undo: delivering(refundOrders),
  event: (orderId) => couponApplied({ orderId }),
});
