import { amounts, type Tx } from '@orderflow/messaging/postgres';
import { encodeData } from '@orderflow/shared-events/contract';
import { OrderCancelled, OrderCancelling, OrderCreated, OrderPaid } from '@orderflow/shared-events/order';
import type { OrderItem, OrderSoFar, Participant, Reason } from '@orderflow/shared-events/order-so-far';
import type { Order, Orders, OrderStatus } from '../domain/order.ts';
import type { OrderFact } from '../domain/transition.ts';

interface OrderRow extends Omit<OrderSoFar, 'orderId' | 'items'> {
  readonly id: number;
  readonly status: OrderStatus;
  readonly reason: Reason | null;
  readonly paidAt: Date | null;
  readonly cancellingAt: Date | null;
  readonly compensate: Participant[];
  readonly pending: Participant[];
  readonly attempt: number;
}

/** Locks orders by id, in id order, and reads them with their lines. Unknown ids are simply not in the result. */
export async function lockOrders(tx: Tx, ids: readonly number[]): Promise<Orders> {
  const [orders, lines] = await Promise.all([
    tx.query<OrderRow>(
      `SELECT id, user_id AS "userId", status, coupon_id AS "couponId", original_amount AS "originalAmount",
              discount_amount AS "discountAmount", total_amount AS "totalAmount", failure_reason AS reason,
              paid_at AS "paidAt", cancelling_at AS "cancellingAt", compensate, pending, attempt
         FROM orders WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE`,
      [ids],
    ),
    tx.query<OrderItem & { orderId: number }>(
      `SELECT order_id AS "orderId", product_id AS "productId", quantity, expected_unit_price AS "expectedUnitPrice",
              unit_price AS "unitPrice", total_price AS "totalPrice"
         FROM order_products WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id, product_id`,
      [ids],
    ),
  ]);
  const items = new Map<number, OrderItem[]>(orders.rows.map(({ id }) => [id, []]));
  for (const { orderId, ...item } of lines.rows) items.get(orderId)?.push(item);
  return new Map(orders.rows.map((row) => [row.id, orderFrom(row, items.get(row.id) ?? [])]));
}

function orderFrom(row: OrderRow, items: OrderItem[]): Order {
  const { id, userId, couponId, originalAmount, discountAmount, totalAmount } = row;
  const data = { orderId: id, userId, couponId, items, originalAmount, discountAmount, totalAmount };
  const { status, paidAt, cancellingAt, compensate, pending, attempt } = row;
  if (status === 'PAID') return { status, data, paidAt: present(paidAt) };
  if (status === 'CANCELLED') return { status, data, paidAt, reason: present(row.reason) };
  if (status !== 'CANCELLING') return { status, data };
  const reason = present(row.reason);
  return { status, data, paidAt, reason, cancellingAt: present(cancellingAt), compensate, pending, attempt };
}

function present<Value>(value: Value | null): Value {
  if (value === null) throw new Error('an order row lacks what its status requires');
  return value;
}

/** Inserts accepted orders with their lines and their ORDER_CREATED events: three statements for any number of them. */
export function insertOrders(
  tx: Tx,
  accepted: readonly {
    readonly order: OrderSoFar;
    readonly traceparent: string | null;
    readonly requestId: string;
  }[],
): void {
  const orders = accepted.map(({ order }) => order);
  tx.send(
    `INSERT INTO orders (id, user_id, coupon_id, created_at, updated_at)
     SELECT id, user_id, coupon_id, t.now, t.now
       FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) o (id, user_id, coupon_id),
            (SELECT date_trunc('milliseconds', now()) AS now) t`,
    [
      orders.map(({ orderId }) => orderId),
      orders.map(({ userId }) => userId),
      orders.map(({ couponId }) => couponId),
    ],
  );
  const lines = orders.flatMap(({ orderId, items }) => items.map((item) => ({ orderId, ...item })));
  tx.send(
    `INSERT INTO order_products (order_id, product_id, quantity, expected_unit_price)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::numeric[])`,
    [
      lines.map(({ orderId }) => orderId),
      lines.map(({ productId }) => productId),
      lines.map(({ quantity }) => quantity),
      amounts(lines.map(({ expectedUnitPrice }) => expectedUnitPrice)),
    ],
  );
  insertEvents(
    tx,
    accepted.map(({ order, traceparent, requestId }) => ({
      orderId: order.orderId,
      type: 'ORDER_CREATED',
      attempt: 0,
      topic: OrderCreated.topic,
      snapshot: encodeData(OrderCreated, order),
      traceparent,
      causationId: requestId,
    })),
  );
}

/** Writes the orders as the last fact of each left them, and every fact that is a line of the timeline. */
export function saveTransitions(tx: Tx, facts: readonly OrderFact[]): void {
  const orders = [...new Map(facts.map(({ order }) => [order.data.orderId, order])).values()];
  updateOrders(tx, orders);
  const priced = facts.flatMap((fact) =>
    fact.type === 'order.progressed' && fact.stage === 'STOCK_RESERVED' ? [fact.data] : [],
  );
  if (priced.length > 0) updateItems(tx, priced);
  insertEvents(tx, facts.flatMap(timelineRow));
}

function updateOrders(tx: Tx, orders: readonly Order[]): void {
  const cancelling = orders.map((order) => (order.status === 'CANCELLING' ? order : null));
  tx.send(
    `UPDATE orders o
        SET status = u.status, original_amount = u.original_amount, discount_amount = u.discount_amount,
            total_amount = u.total_amount, failure_reason = u.reason, paid_at = u.paid_at,
            cancelling_at = u.cancelling_at, compensate = u.compensate::text[],
            pending = u.pending::text[], attempt = coalesce(u.attempt, o.attempt), updated_at = now()
       FROM unnest($1::bigint[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::text[], $7::timestamptz[],
                   $8::timestamptz[], $9::text[], $10::text[], $11::int[])
            u (id, status, original_amount, discount_amount, total_amount, reason, paid_at, cancelling_at, compensate, pending, attempt)
      WHERE o.id = u.id`,
    [
      orders.map(({ data }) => data.orderId),
      orders.map(({ status }) => status),
      amounts(orders.map(({ data }) => data.originalAmount)),
      amounts(orders.map(({ data }) => data.discountAmount)),
      amounts(orders.map(({ data }) => data.totalAmount)),
      orders.map((order) => ('reason' in order ? order.reason : null)),
      orders.map((order) => ('paidAt' in order ? order.paidAt : null)),
      cancelling.map((order) => order?.cancellingAt ?? null),
      cancelling.map((order) => arrayLiteral(order?.compensate ?? [])),
      cancelling.map((order) => arrayLiteral(order?.pending ?? [])),
      cancelling.map((order) => order?.attempt ?? null),
    ],
  );
}

/** An array inside an array parameter: names only, nothing to quote. */
function arrayLiteral(names: readonly Participant[]): string {
  return `{${names.join(',')}}`;
}

/**
 * Prices come with the stage STOCK_RESERVED, which an order that skips stages passes too, and are set once: a line that
 * has one keeps it.
 */
function updateItems(tx: Tx, orders: readonly OrderSoFar[]): void {
  const priced = orders.flatMap(({ orderId, items }) => items.map((item) => ({ orderId, ...item })));
  tx.send(
    `UPDATE order_products p SET unit_price = u.unit_price, total_price = u.total_price
       FROM unnest($1::bigint[], $2::bigint[], $3::numeric[], $4::numeric[]) u (order_id, product_id, unit_price, total_price)
      WHERE p.order_id = u.order_id AND p.product_id = u.product_id AND p.unit_price IS NULL`,
    [
      priced.map(({ orderId }) => orderId),
      priced.map(({ productId }) => productId),
      amounts(priced.map(({ unitPrice }) => unitPrice)),
      amounts(priced.map(({ totalPrice }) => totalPrice)),
    ],
  );
}

interface EventRow {
  readonly orderId: number;
  readonly type: string;
  readonly attempt: number;
  readonly topic: string | null;
  readonly snapshot: string;
  readonly traceparent: string | null;
  readonly causationId: string | null;
}

function timelineRow(fact: OrderFact): EventRow[] {
  const { data, cause } = fact;
  const row = { orderId: data.orderId, attempt: 0, traceparent: cause.traceparent, causationId: cause.id };
  switch (fact.type) {
    case 'answer-recorded':
      return [];
    case 'order.progressed':
      return [{ ...row, type: fact.stage, topic: null, snapshot: encodeData(OrderCreated, fact.data) }];
    case 'order.paid':
      return [
        { ...row, type: 'ORDER_PAID', topic: OrderPaid.topic, snapshot: encodeData(OrderPaid, fact.data) },
      ];
    case 'order.cancelling': {
      const snapshot = encodeData(OrderCancelling, fact.data);
      return [
        {
          ...row,
          type: 'ORDER_CANCELLING',
          attempt: fact.data.attempt,
          topic: OrderCancelling.topic,
          snapshot,
        },
      ];
    }
    case 'order.cancelled': {
      const snapshot = encodeData(OrderCancelled, fact.data);
      return [{ ...row, type: 'ORDER_CANCELLED', topic: OrderCancelled.topic, snapshot }];
    }
  }
}

/** JSON escapes it in texts, so it stands in no snapshot. */
const RECORD_SEPARATOR = '\x1e';

/** Snapshots travel as one text: as elements of an array each of their quotes is escaped here and unescaped there. */
function insertEvents(tx: Tx, rows: readonly EventRow[]): void {
  tx.send(
    `INSERT INTO order_events (order_id, type, attempt, topic, snapshot, traceparent, causation_id, created_at)
     SELECT e.*, date_trunc('milliseconds', now())
       FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[], string_to_array($5, chr(30)), $6::text[], $7::text[]) e`,
    [
      rows.map(({ orderId }) => orderId),
      rows.map(({ type }) => type),
      rows.map(({ attempt }) => attempt),
      rows.map(({ topic }) => topic),
      rows.map(({ snapshot }) => snapshot).join(RECORD_SEPARATOR),
      rows.map(({ traceparent }) => traceparent),
      rows.map(({ causationId }) => causationId),
    ],
  );
}

/** Ids for new orders, taken one by one from the sequence, so that two processes never share a block. */
export async function takeOrderIds(tx: Tx, count: number): Promise<number[]> {
  const { rows } = await tx.query<{ id: number }>(
    `SELECT nextval('orders_id_seq') AS id FROM generate_series(1, $1)`,
    [count],
  );
  return rows.map(({ id }) => id);
}
