import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { couponApplied, orderCancelling } from '@orderflow/testing/events';
import { openSubject } from '@orderflow/testing/law-database';
import { batchesOf, manyOf } from '@orderflow/testing/law-events';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import { chargeOrders } from './charge-orders.ts';
import { refundOrders } from './refund-orders.ts';

/** User 1 has some money, user 2 exists and has no balance yet, user 3 does not exist; user 1000 is rich. */
const SEED = `
INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'Ada'), (2, 'Bob'), (1000, 'Rich');
INSERT INTO balances (id, user_id, amount) OVERRIDING SYSTEM VALUE VALUES (9001, 1, 60), (9002, 1000, 1000000);
`;

/** Orders 1 to 6 were handled: 1 to 4 done, 5 rejected, 6 undone. */
const HANDLED = `
INSERT INTO order_charges (order_id, status, attempt, user_id, amount)
VALUES (1, 'done', 0, 1, 40), (2, 'done', 0, 1, 0), (3, 'done', 0, 1, 37.5), (4, 'done', 0, 1000, 20),
       (5, 'rejected', 0, 3, 900), (6, 'undone', 1, NULL, NULL);
INSERT INTO balance_records (balance_id, type, amount, order_id)
SELECT b.id, 'CHARGE', c.amount, c.order_id FROM order_charges c JOIN balances b USING (user_id) WHERE status = 'done';
`;

/** Orders 1001 and up were charged to user 1000. */
const HANDLED_MANY = `
INSERT INTO order_charges (order_id, status, user_id, amount)
SELECT id, 'done', 1000, 10 FROM generate_series(1001, 1200) id;
INSERT INTO balance_records (balance_id, type, amount, order_id)
SELECT 9002, 'CHARGE', 10, id FROM generate_series(1001, 1200) id;
`;

const open = (
  step: Step,
  subject: Pick<Parameters<typeof openSubject>[0], 'seed' | 'seedMany' | 'batches' | 'effective'>,
) =>
  openSubject({
    ...subject,
    name: 'user_balance',
    migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    step: step.name,
    createPool,
    deliver: (pool, batch) => deliver({ step, pool, outbox: messageOutbox }, batch),
  });

describeStepLaws('user-balance.charge', () =>
  open(chargeOrders, {
    seed: SEED,
    batches: batchesOf('coupon.applied'),
    effective: (size) => manyOf(size, (orderId) => couponApplied({ orderId, userId: 1000 })),
  }),
);

describeStepLaws('user-balance.refund', () =>
  open(refundOrders, {
    seed: SEED + HANDLED,
    seedMany: HANDLED_MANY,
    batches: batchesOf('order.cancelling'),
    effective: (size) => manyOf(size, (orderId) => orderCancelling({ orderId, userId: 1000 })),
  }),
);
