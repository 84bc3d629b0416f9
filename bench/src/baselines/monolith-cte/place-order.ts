import type pg from 'pg';
import { isDatabaseError } from '../database.ts';
import type { Answer } from '../front.ts';
import { placeOrder as placeOrderInSteps } from '../monolith-pg/place-order.ts';
import { ORDERS_ROUTE, type OrderRequest } from '../orders-route.ts';
import { itemColumns, settle } from '../settle.ts';

/**
 * The same rows as one statement that commits by itself: what a commit an order can do at best. It can pay an order or
 * fail; one that fails is placed again in steps, which name the reason.
 */
export async function placeOrder(pool: pg.Pool, request: OrderRequest): Promise<Answer> {
  try {
    return await settle(pool, request, () => pay(pool, request));
  } catch (error) {
    if (!isDatabaseError(error, CHECK_VIOLATION, 'orders_paid_check')) throw error;
    return await placeOrderInSteps(pool, request);
  }
}

const CHECK_VIOLATION = '23514';

/**
 * A guard that finds no row (too little stock, a used coupon, too little money) leaves the total NULL, and
 * orders_paid_check ends the statement. Postgres runs parts that nothing reads after the rest, the last of them first:
 * `sales` stands before those, so that a hot product's counter is locked last.
 */
const PAY = `
  WITH wanted AS (SELECT * FROM unnest($3::bigint[], $4::int[]) AS item (product_id, quantity)),
  taken AS (
    UPDATE product_stocks s SET quantity = s.quantity - w.quantity, updated_at = now()
    FROM wanted w JOIN products p ON p.id = w.product_id
    WHERE s.product_id = w.product_id AND p.status = 'ON_SALE' AND s.quantity >= w.quantity
    RETURNING s.product_id, w.quantity, p.price AS unit_price, p.price * w.quantity AS total_price),
  sales AS (
    INSERT INTO product_daily_sales AS sales (product_id, date, quantity)
    SELECT product_id, current_date, quantity FROM taken ORDER BY product_id
    ON CONFLICT (product_id, date)
    DO UPDATE SET quantity = sales.quantity + excluded.quantity, updated_at = now()),
  applied AS (
    UPDATE coupons SET used_at = now(), updated_at = now()
    WHERE id = $2 AND user_id = $1 AND used_at IS NULL
    RETURNING discount_amount),
  priced AS (
    SELECT original, discount, original - discount AS total
    FROM (SELECT CASE WHEN count(*) = cardinality($3::bigint[]) THEN sum(total_price) END AS original FROM taken) AS lines,
    LATERAL (SELECT CASE WHEN $2::bigint IS NULL THEN 0
                         ELSE (SELECT least(discount_amount, original) FROM applied) END AS discount) AS coupon),
  charged AS (
    UPDATE balances b SET amount = b.amount - priced.total, updated_at = now()
    FROM priced WHERE b.user_id = $1 AND b.amount >= priced.total
    RETURNING b.id, priced.total),
  paid AS (
    INSERT INTO orders (user_id, status, coupon_id, original_amount, discount_amount, total_amount, paid_at)
    SELECT $1, 'PAID', $2, original, discount, (SELECT total FROM charged), now() FROM priced
    RETURNING *),
  shown AS (
    SELECT id, json_build_object(
      'id', id, 'userId', user_id, 'status', status, 'couponId', coupon_id,
      'originalAmount', original_amount::text, 'discountAmount', discount_amount::text,
      'totalAmount', total_amount::text, 'failureReason', NULL,
      'items', (SELECT json_agg(json_build_object(
         'productId', product_id, 'quantity', quantity,
         'unitPrice', unit_price::text, 'totalPrice', total_price::text) ORDER BY product_id) FROM taken),
      'createdAt', at, 'updatedAt', at, 'paidAt', at)::text AS json
    FROM paid, to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at),
  lines AS (
    INSERT INTO order_products (order_id, product_id, quantity, unit_price, total_price)
    SELECT paid.id, taken.* FROM paid, taken),
  record AS (
    INSERT INTO balance_records (balance_id, type, amount, order_id)
    SELECT charged.id, 'CHARGE', charged.total, paid.id FROM charged, paid),
  payment AS (
    INSERT INTO payments (user_id, order_id, amount, kind)
    SELECT user_id, id, total_amount, 'PAYMENT' FROM paid),
  event AS (INSERT INTO order_events (order_id, type, snapshot) SELECT id, 'ORDER_PAID', json FROM shown),
  key AS (
    INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer)
    SELECT $1, $5, $6, $7, 201, json FROM shown)
  SELECT 201 AS status, json FROM shown`;

async function pay(pool: pg.Pool, request: OrderRequest): Promise<Answer> {
  const { rows } = await pool.query<Answer>({
    name: 'pay',
    text: PAY,
    values: [
      request.userId,
      request.couponId,
      ...itemColumns(request),
      ORDERS_ROUTE,
      request.idempotencyKey,
      request.fingerprint,
    ],
  });
  return (rows as [Answer])[0];
}
