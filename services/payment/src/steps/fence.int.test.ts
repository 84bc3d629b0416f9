import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { balanceCharged } from '@orderflow/testing/events';
import { describeFenceRaces, type FencedSteps } from '@orderflow/testing/fence-races';
import { payOrders } from './pay-orders.ts';
import { refundPayments } from './refund-payments.ts';

const delivering =
  (step: Step): FencedSteps['forward'] =>
  (pool, batch) =>
    deliver({ step, pool, outbox: messageOutbox }, batch);

describeFenceRaces({
  name: 'payment',
  migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
  fence: 'payment_attempts',
  createPool,
  forward: delivering(payOrders({ limit: 50_000n })),
  undo: delivering(refundPayments),
  event: (orderId) => balanceCharged({ orderId }),
});
