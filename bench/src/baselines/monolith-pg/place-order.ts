import type pg from 'pg';
import type { AmountMinor } from '@orderflow/shared-events/money';
import { formatAmount } from '@orderflow/shared-events/money';
import { transaction, type Queries } from '../database.ts';
import type { Answer } from '../front.ts';
import {
  amountsOf,
  OrderRefused,
  paidOrderJson,
  type PaidOrder,
  type PricedLine,
  type RefusalReason,
} from '../order.ts';
import type { OrderRequest } from '../orders-route.ts';
import { insertEvent, insertKey, itemColumns, settle } from '../settle.ts';

/**
 * An order as one READ COMMITTED transaction of nine round trips, BEGIN and COMMIT included; ten with a coupon. Locks
 * are taken in one order (stock, coupon, balance), and the day's sales come last: a hot product's counter is locked for
 * one statement and the commit.
 */
export function placeOrder(pool: pg.Pool, request: OrderRequest): Promise<Answer> {
  return settle(pool, request, () => transaction(pool, (client) => pay(client, request)));
}

async function pay(client: Queries, request: OrderRequest): Promise<Answer> {
  const { userId, couponId } = request;
  const lines = await takeStock(client, request);
  const couponAmount = couponId === null ? 0n : await applyCoupon(client, couponId, userId);
  const amounts = amountsOf(lines, couponAmount);
  const inserted = await insertOrder(client, request, lines, amounts);
  const order: PaidOrder = { userId, couponId, lines, ...amounts, ...inserted };
  await chargeBalance(client, order);
  await insertPayment(client, order);
  const answer = { status: 201, json: paidOrderJson(order) };
  await insertEvent(client, order.id, 'ORDER_PAID', answer.json);
  await insertKey(client, request, answer);
  await countSales(client, request);
  return answer;
}

/** Takes every line it can, and says of each other line why not. */
const TAKE_STOCK = `
  WITH wanted AS (SELECT * FROM unnest($1::bigint[], $2::int[]) AS item (product_id, quantity)),
  taken AS (
    UPDATE product_stocks s SET quantity = s.quantity - w.quantity, updated_at = now()
    FROM wanted w JOIN products p ON p.id = w.product_id
    WHERE s.product_id = w.product_id AND p.status = 'ON_SALE' AND s.quantity >= w.quantity
    RETURNING s.product_id)
  SELECT w.product_id AS "productId", w.quantity, p.price AS "unitPrice", p.price * w.quantity AS "totalPrice",
         CASE WHEN t.product_id IS NOT NULL THEN NULL
              WHEN p.id IS NULL THEN 'PRODUCT_NOT_FOUND'
              WHEN p.status <> 'ON_SALE' THEN 'PRODUCT_NOT_ON_SALE'
              ELSE 'OUT_OF_STOCK' END AS refusal
  FROM wanted w LEFT JOIN products p ON p.id = w.product_id LEFT JOIN taken t ON t.product_id = w.product_id
  ORDER BY w.product_id`;

async function takeStock(client: Queries, request: OrderRequest): Promise<PricedLine[]> {
  const { rows } = await client.query<PricedLine & { refusal: RefusalReason | null }>({
    name: 'take-stock',
    text: TAKE_STOCK,
    values: itemColumns(request),
  });
  for (const { refusal } of rows) if (refusal !== null) throw new OrderRefused(refusal);
  return rows;
}

const APPLY_COUPON = `
  WITH applied AS (
    UPDATE coupons SET used_at = now(), updated_at = now()
    WHERE id = $1 AND user_id = $2 AND used_at IS NULL
    RETURNING id)
  SELECT discount_amount AS amount, EXISTS (SELECT FROM applied) AS applied
  FROM coupons WHERE id = $1 AND user_id = $2`;

async function applyCoupon(client: Queries, couponId: number, userId: number): Promise<AmountMinor> {
  const { rows } = await client.query<{ amount: AmountMinor; applied: boolean }>({
    name: 'apply-coupon',
    text: APPLY_COUPON,
    values: [couponId, userId],
  });
  const [coupon] = rows;
  if (!coupon) throw new OrderRefused('COUPON_NOT_FOUND');
  if (!coupon.applied) throw new OrderRefused('COUPON_ALREADY_USED');
  return coupon.amount;
}

const INSERT_ORDER = `
  WITH paid AS (
    INSERT INTO orders (user_id, status, coupon_id, original_amount, discount_amount, total_amount, paid_at)
    VALUES ($1, 'PAID', $2, $3, $4, $5, now())
    RETURNING id, paid_at),
  lines AS (
    INSERT INTO order_products (order_id, product_id, quantity, unit_price, total_price)
    SELECT paid.id, line.*
    FROM paid, unnest($6::bigint[], $7::int[], $8::numeric[], $9::numeric[]) AS line)
  SELECT id, paid_at AS "paidAt" FROM paid`;

async function insertOrder(
  client: Queries,
  request: OrderRequest,
  lines: readonly PricedLine[],
  amounts: ReturnType<typeof amountsOf>,
): Promise<{ id: number; paidAt: Date }> {
  const { rows } = await client.query<{ id: number; paidAt: Date }>({
    name: 'insert-order',
    text: INSERT_ORDER,
    values: [
      request.userId,
      request.couponId,
      formatAmount(amounts.originalAmount),
      formatAmount(amounts.discountAmount),
      formatAmount(amounts.totalAmount),
      ...itemColumns(request),
      lines.map((line) => formatAmount(line.unitPrice)),
      lines.map((line) => formatAmount(line.totalPrice)),
    ],
  });
  return (rows as [{ id: number; paidAt: Date }])[0];
}

const CHARGE_BALANCE = `
  WITH charged AS (
    UPDATE balances SET amount = amount - $2, updated_at = now()
    WHERE user_id = $1 AND amount >= $2
    RETURNING id)
  INSERT INTO balance_records (balance_id, type, amount, order_id)
  SELECT id, 'CHARGE', $2, $3 FROM charged
  RETURNING id`;

/** Who has no balance row has nothing. */
async function chargeBalance(client: Queries, order: PaidOrder): Promise<void> {
  const { rows } = await client.query({
    name: 'charge-balance',
    text: CHARGE_BALANCE,
    values: [order.userId, formatAmount(order.totalAmount), order.id],
  });
  if (rows.length === 0) throw new OrderRefused('INSUFFICIENT_BALANCE');
}

async function insertPayment(client: Queries, order: PaidOrder): Promise<void> {
  await client.query({
    name: 'insert-payment',
    text: `INSERT INTO payments (user_id, order_id, amount, kind) VALUES ($1, $2, $3, 'PAYMENT')`,
    values: [order.userId, order.id, formatAmount(order.totalAmount)],
  });
}

const COUNT_SALES = `
  INSERT INTO product_daily_sales AS sales (product_id, date, quantity)
  SELECT product_id, current_date, quantity
  FROM unnest($1::bigint[], $2::int[]) AS item (product_id, quantity)
  ORDER BY product_id
  ON CONFLICT (product_id, date)
  DO UPDATE SET quantity = sales.quantity + excluded.quantity, updated_at = now()`;

async function countSales(client: Queries, request: OrderRequest): Promise<void> {
  await client.query({ name: 'count-sales', text: COUNT_SALES, values: itemColumns(request) });
}
