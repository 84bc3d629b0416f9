import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { anOrder } from '@orderflow/testing/orders';
import { orderCancelling, orderCreated, orderPaid } from '@orderflow/testing/events';
import { openSubject } from '@orderflow/testing/law-database';
import { batchesOf, manyOf } from '@orderflow/testing/law-events';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import { countSales } from './count-sales.ts';
import { releaseStock } from './release-stock.ts';
import { reserveStock } from './reserve-stock.ts';

/** Products 1 and 2 run out soon, 3 is not on sale, 9 is plenty. */
const SEED = `
INSERT INTO products (id, status, name, description, price) OVERRIDING SYSTEM VALUE
VALUES (1, 'ON_SALE', 'Lamp', '', 10), (2, 'ON_SALE', 'Chair', '', 10), (3, 'SUSPENDED', 'Desk', '', 10),
       (9, 'ON_SALE', 'Nail', '', 10);
INSERT INTO product_stocks (product_id, quantity) VALUES (1, 6), (2, 4), (3, 5), (9, 100000);
`;

/** Orders 1 to 6 were handled: 1 to 4 done, 5 rejected, 6 undone. */
const HANDLED = `
INSERT INTO stock_reservations (order_id, status, attempt, items)
VALUES (1, 'done', 0, '[{"productId": 1, "quantity": 2}]'), (2, 'done', 0, '[{"productId": 2, "quantity": 1}]'),
       (3, 'done', 0, '[{"productId": 1, "quantity": 1}, {"productId": 2, "quantity": 3}]'),
       (4, 'done', 0, '[{"productId": 9, "quantity": 1}]'), (5, 'rejected', 0, NULL), (6, 'undone', 1, NULL);
`;

/** Orders 1001 and up hold a nail each. */
const HANDLED_MANY = `
INSERT INTO stock_reservations (order_id, status, items)
SELECT id, 'done', '[{"productId": 9, "quantity": 1}]' FROM generate_series(1001, 1200) id;
`;

/** Order 1 was counted, order 2 was cancelled before it was paid. */
const SOLD = `
INSERT INTO sales_orders (order_id, state, day, items)
VALUES (1, 'COUNTED', '2025-12-31', '[{"productId": 1, "quantity": 2}]'),
       (2, 'VOID', '2025-12-31', '[{"productId": 2, "quantity": 1}]');
INSERT INTO product_daily_sales (product_id, date, quantity) VALUES (1, '2025-12-31', 2);
`;

const open = (
  step: Step,
  subject: Pick<Parameters<typeof openSubject>[0], 'seed' | 'seedMany' | 'batches' | 'effective'>,
) =>
  openSubject({
    ...subject,
    name: 'product',
    migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    step: step.name,
    createPool,
    deliver: (pool, batch) => deliver({ step, pool, outbox: messageOutbox }, batch),
  });

const nails = anOrder().items.map((item) => ({ ...item, productId: 9 }));

describeStepLaws('product.reserve', () =>
  open(reserveStock, {
    seed: SEED,
    batches: batchesOf('order.created'),
    effective: (size) => manyOf(size, (orderId) => orderCreated({ orderId, items: nails })),
  }),
);

describeStepLaws('product.release', () =>
  open(releaseStock, {
    seed: SEED + HANDLED,
    seedMany: HANDLED_MANY,
    batches: batchesOf('order.cancelling'),
    effective: (size) => manyOf(size, (orderId) => orderCancelling({ orderId })),
  }),
);

describeStepLaws('product.count-sales', () =>
  open(countSales('Europe/Berlin'), {
    seed: SEED + SOLD,
    batches: batchesOf('order.paid', 'order.cancelled'),
    effective: (size) => manyOf(size, (orderId) => orderPaid({ orderId, items: nails })),
  }),
);
