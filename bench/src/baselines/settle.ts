import type pg from 'pg';
import { isDatabaseError, retryingDeadlocks, transaction, type Queries } from './database.ts';
import { HttpRefusal, type Answer } from './front.ts';
import { OrderRefused, unpricedOrderJson, type RefusalReason } from './order.ts';
import { ORDERS_ROUTE, type OrderRequest } from './orders-route.ts';

const UNIQUE_VIOLATION = '23505';

/**
 * Brings an order to its end. A refusal of `pay` has rolled back: the order is stored as CANCELLED with its reason. A
 * key that is taken has rolled back too: its stored answer is given again.
 */
export async function settle(
  pool: pg.Pool,
  request: OrderRequest,
  pay: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await payOrCancel(pool, request, pay);
  } catch (error) {
    if (!isDatabaseError(error, UNIQUE_VIOLATION, 'idempotency_keys_pkey')) throw error;
    return await storedAnswer(pool, request);
  }
}

async function payOrCancel(
  pool: pg.Pool,
  request: OrderRequest,
  pay: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await retryingDeadlocks(pay);
  } catch (error) {
    if (!(error instanceof OrderRefused)) throw error;
    return await transaction(pool, (client) => cancel(client, request, error.reason));
  }
}

const INSERT_CANCELLED = `
  WITH cancelled AS (
    INSERT INTO orders (user_id, status, coupon_id, failure_reason) VALUES ($1, 'CANCELLED', $2, $3)
    RETURNING id, created_at),
  lines AS (
    INSERT INTO order_products (order_id, product_id, quantity)
    SELECT cancelled.id, item.* FROM cancelled, unnest($4::bigint[], $5::int[]) AS item)
  SELECT id, created_at AS at FROM cancelled`;

async function cancel(client: Queries, request: OrderRequest, reason: RefusalReason): Promise<Answer> {
  const { rows } = await client.query<{ id: number; at: Date }>({
    name: 'insert-cancelled',
    text: INSERT_CANCELLED,
    values: [request.userId, request.couponId, reason, ...itemColumns(request)],
  });
  const [order] = rows as [{ id: number; at: Date }];
  const answer = { status: 201, json: unpricedOrderJson(order.id, request, reason, order.at) };
  await insertEvent(client, order.id, 'ORDER_CANCELLED', answer.json);
  await insertKey(client, request, answer);
  return answer;
}

/** Product ids and quantities: one array a column. */
export function itemColumns({ items }: OrderRequest): [number[], number[]] {
  return [items.map((item) => item.productId), items.map((item) => item.quantity)];
}

/** The one event of an order that is over: a single transaction has no stages in between. */
export async function insertEvent(
  client: Queries,
  orderId: number,
  type: 'ORDER_PAID' | 'ORDER_CANCELLED',
  snapshot: string,
): Promise<void> {
  await client.query({
    name: 'insert-event',
    text: 'INSERT INTO order_events (order_id, type, snapshot) VALUES ($1, $2, $3)',
    values: [orderId, type, snapshot],
  });
}

/** Claims the key and stores its answer at once, at the end: one statement; a repeated key does its work in vain. */
export async function insertKey(client: Queries, request: OrderRequest, answer: Answer): Promise<void> {
  await client.query({
    name: 'insert-key',
    text: `INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer)
           VALUES ($1, $2, $3, $4, $5, $6)`,
    values: [
      request.userId,
      ORDERS_ROUTE,
      request.idempotencyKey,
      request.fingerprint,
      answer.status,
      answer.json,
    ],
  });
}

async function storedAnswer(pool: pg.Pool, request: OrderRequest): Promise<Answer> {
  const { rows } = await pool.query<Answer & { fingerprint: string }>({
    name: 'stored-answer',
    text: `SELECT status, answer AS json, fingerprint FROM idempotency_keys
           WHERE subject = $1 AND route = $2 AND key = $3`,
    values: [request.userId, ORDERS_ROUTE, request.idempotencyKey],
  });
  const [stored] = rows;
  if (stored?.fingerprint !== request.fingerprint) throw new HttpRefusal(422, 'IDEMPOTENCY_KEY_REUSED');
  return stored;
}
