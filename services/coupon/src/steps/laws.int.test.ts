import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { orderCancelling, stockReserved } from '@orderflow/testing/events';
import { openSubject } from '@orderflow/testing/law-database';
import { batchesOf, manyOf } from '@orderflow/testing/law-events';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import { applyCoupons } from './apply-coupons.ts';
import { restoreCoupons } from './restore-coupons.ts';

/** Coupons 1 to 4 of users 1 to 3, the third one used. */
const SEED = `
INSERT INTO coupon_sources (id, name, discount_amount, quantity, initial_quantity) OVERRIDING SYSTEM VALUE
VALUES (1, 'Welcome', 3.00, 0, 300), (2, 'Spring', 5.00, 0, 300);
INSERT INTO coupons (id, user_id, coupon_source_id, used_at, name, discount_amount) OVERRIDING SYSTEM VALUE
VALUES (1, 1, 1, NULL, 'Welcome', 3.00), (2, 2, 1, NULL, 'Welcome', 3.00),
       (3, 3, 1, '2026-01-01', 'Welcome', 3.00), (4, 1, 2, NULL, 'Spring', 50.00);
`;

/** Coupons 1001 and up, one a user, for as many orders. */
const SEED_MANY = `
INSERT INTO coupons (id, user_id, coupon_source_id, name, discount_amount) OVERRIDING SYSTEM VALUE
SELECT id, id, 1, 'Welcome', 3.00 FROM generate_series(1001, 1200) id;
`;

/** Orders 1 to 6 were handled: 1 to 4 done (2 and 3 hold coupons 2 and 3), 5 rejected, 6 undone. */
const HANDLED = `
INSERT INTO coupon_applications (order_id, coupon_id, status, attempt, discount_amount)
VALUES (1, NULL, 'done', 0, 0), (2, 2, 'done', 0, 3), (3, 3, 'done', 0, 3), (4, NULL, 'done', 0, 0),
       (5, 9, 'rejected', 0, NULL), (6, NULL, 'undone', 1, NULL);
UPDATE coupons SET used_at = '2026-01-01' WHERE id = 2;
`;

const HANDLED_MANY = `
UPDATE coupons SET used_at = '2026-01-01' WHERE id > 1000;
INSERT INTO coupon_applications (order_id, coupon_id, status, discount_amount)
SELECT id, id, 'done', 3 FROM generate_series(1001, 1200) id;
`;

const open = (
  step: Step,
  subject: Pick<Parameters<typeof openSubject>[0], 'seed' | 'seedMany' | 'batches' | 'effective'>,
) =>
  openSubject({
    ...subject,
    name: 'coupon',
    migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    step: step.name,
    createPool,
    deliver: (pool, batch) => deliver({ step, pool, outbox: messageOutbox }, batch),
  });

describeStepLaws('coupon.apply', () =>
  open(applyCoupons, {
    seed: SEED,
    seedMany: SEED_MANY,
    batches: batchesOf('stock.reserved'),
    effective: (size) =>
      manyOf(size, (orderId) => stockReserved({ orderId, userId: orderId, couponId: orderId })),
  }),
);

describeStepLaws('coupon.restore', () =>
  open(restoreCoupons, {
    seed: SEED + HANDLED,
    seedMany: SEED_MANY + HANDLED_MANY,
    batches: batchesOf('order.cancelling'),
    effective: (size) => manyOf(size, (orderId) => orderCancelling({ orderId })),
  }),
);
