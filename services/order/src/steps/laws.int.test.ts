import { deliver } from '@orderflow/messaging/deliver';
import { createPool } from '@orderflow/messaging/postgres';
import type { Message } from '@orderflow/shared-events/envelope';
import { stockReserved, type TestDelivery } from '@orderflow/testing/events';
import { openSubject } from '@orderflow/testing/law-database';
import { batchesOf, manyOf, ORDER_IDS, storyOf } from '@orderflow/testing/law-events';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import type { Pool } from 'pg';
import { orderOutbox } from '../store/outbox.ts';
import { advanceOrders } from './advance-orders.ts';

const KNOWN = ORDER_IDS.filter((id) => id < 12).map(storyOf);

/** Order 12 is unknown. 8 is paid; 9 is cancelled after it was paid, 10 and 11 are being cancelled; the rest is new. */
const SEED = `
INSERT INTO orders (id, user_id, coupon_id) VALUES
${KNOWN.map(({ orderId, userId, couponId }) => `(${orderId}, ${userId}, ${couponId ?? 'NULL'})`).join(', ')};
INSERT INTO order_products (order_id, product_id, quantity) VALUES
${KNOWN.flatMap(({ orderId, items }) => items.map((item) => `(${orderId}, ${item.productId}, ${item.quantity})`)).join(', ')};
INSERT INTO order_events (order_id, type, topic, snapshot) SELECT id, 'ORDER_CREATED', 'order-created', '' FROM orders;
UPDATE orders SET status = 'PAID', original_amount = 20, discount_amount = 0, total_amount = 20, paid_at = '2026-01-01'
 WHERE id IN (8, 9, 10);
UPDATE orders SET status = 'CANCELLED', failure_reason = 'CANCELLED_BY_USER' WHERE id = 9;
UPDATE orders SET status = 'CANCELLING', failure_reason = 'CANCELLED_BY_USER', cancelling_at = '2026-01-02',
                  compensate = '{stock,coupon,balance,payment}', pending = '{payment,coupon}', attempt = 1
 WHERE id = 10;
UPDATE orders SET status = 'CANCELLING', failure_reason = 'COUPON_NOT_FOUND', cancelling_at = '2026-01-02',
                  compensate = '{stock}', pending = '{stock}'
 WHERE id = 11;
`;

/** Orders 1001 and up are new. */
const SEED_MANY = `
INSERT INTO orders (id, user_id) SELECT id, 1 FROM generate_series(1001, 1200) id;
INSERT INTO order_products (order_id, product_id, quantity) SELECT id, 1, 1 FROM generate_series(1001, 1200) id;
`;

/** ORDER_EVENTS is the outbox: the rows of `outbox` point into it. */
async function sent(owner: Pool): Promise<Message[]> {
  const { rows } = await owner.query<Message>(
    `SELECT e.topic, e.order_id::text AS key, e.snapshot AS value,
            jsonb_build_object('ce_id', concat_ws('/', e.topic, e.order_id, nullif(e.attempt, 0))) AS headers
       FROM outbox o JOIN order_events e ON e.id = ANY (o.event_ids)`,
  );
  return rows;
}

/** Nobody answers an order before it has recorded CANCELLING: order-cancelling leaves only after that commit. */
function isPossible(delivery: TestDelivery, index: number, batch: readonly TestDelivery[]): boolean {
  const key = String(delivery.key);
  const isAnswer = /released|restored|refunded/.test(delivery.topic);
  const mayBeCancelling = Number(key) >= 8;
  const refusedBefore = batch
    .slice(0, index)
    .some((earlier) => String(earlier.key) === key && earlier.topic.endsWith('rejected'));
  return !isAnswer || mayBeCancelling || refusedBefore;
}

describeStepLaws('order.advance', () =>
  openSubject({
    name: 'order',
    migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    step: 'order.advance',
    createPool,
    deliver: (pool, batch) => deliver({ step: advanceOrders, pool, outbox: orderOutbox }, batch),
    seed: SEED,
    seedMany: SEED_MANY,
    sent,
    batches: batchesOf(
      'stock.reserved',
      'stock.rejected',
      'coupon.applied',
      'coupon.rejected',
      'balance.charged',
      'balance.rejected',
      'payment.completed',
      'payment.rejected',
      'stock.released',
      'coupon.restored',
      'balance.refunded',
      'payment.refunded',
    )
      .map((batch) => batch.filter(isPossible))
      .filter((batch) => batch.length > 0),
    effective: (size) => manyOf(size, (orderId) => stockReserved({ orderId })),
  }),
);
