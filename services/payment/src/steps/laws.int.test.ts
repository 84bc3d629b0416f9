import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { balanceCharged, orderCancelling } from '@orderflow/testing/events';
import { openSubject } from '@orderflow/testing/law-database';
import { batchesOf, manyOf } from '@orderflow/testing/law-events';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import { payOrders } from './pay-orders.ts';
import { refundPayments } from './refund-payments.ts';

/** Orders 1 to 6 were handled: 1 to 4 done, 5 rejected, 6 undone. */
const HANDLED = `
INSERT INTO payment_attempts (order_id, status, attempt, user_id, amount)
VALUES (1, 'done', 0, 1, 40), (2, 'done', 0, 2, 0), (3, 'done', 0, 1, 37.5), (4, 'done', 0, 2, 20),
       (5, 'rejected', 0, 3, 900), (6, 'undone', 1, NULL, NULL);
INSERT INTO payments (user_id, order_id, amount, kind)
SELECT user_id, order_id, amount, 'PAYMENT' FROM payment_attempts WHERE status = 'done';
`;

/** Orders 1001 and up were paid. */
const HANDLED_MANY = `
INSERT INTO payment_attempts (order_id, status, user_id, amount)
SELECT id, 'done', 1, 10 FROM generate_series(1001, 1200) id;
INSERT INTO payments (user_id, order_id, amount, kind)
SELECT 1, id, 10, 'PAYMENT' FROM generate_series(1001, 1200) id;
`;

const open = (
  step: Step,
  subject: Pick<Parameters<typeof openSubject>[0], 'seed' | 'seedMany' | 'batches' | 'effective'>,
) =>
  openSubject({
    ...subject,
    name: 'payment',
    migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    step: step.name,
    createPool,
    deliver: (pool, batch) => deliver({ step, pool, outbox: messageOutbox }, batch),
  });

// Orders of the small world cost 7.00 to 40.00: some are above the limit.
describeStepLaws('payment.pay', () =>
  open(payOrders({ limit: 3000n }), {
    seed: `INSERT INTO payment_attempts (order_id, status, attempt) VALUES (6, 'undone', 1)`,
    batches: batchesOf('balance.charged'),
    effective: (size) => manyOf(size, (orderId) => balanceCharged({ orderId })),
  }),
);

describeStepLaws('payment.refund', () =>
  open(refundPayments, {
    seed: HANDLED,
    seedMany: HANDLED_MANY,
    batches: batchesOf('order.cancelling'),
    effective: (size) => manyOf(size, (orderId) => orderCancelling({ orderId })),
  }),
);
