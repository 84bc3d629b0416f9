import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool, transaction, type ConnectionPool } from '@orderflow/messaging/postgres';
import { couponApplied, paymentCompleted, stockReserved, toDeliveries } from '@orderflow/testing/events';
import { deliver } from '@orderflow/messaging/deliver';
import { waitUntil } from '@orderflow/testing/wait-until';
import { statementsOf } from '@orderflow/testing/watched-pool';
import { deadlineSweeper } from '../sweepers/deadline.ts';
import { advanceOrders } from '../steps/advance-orders.ts';
import { openOrderService, type OrderService } from '../order-under-test.test.ts';
import { insertOrders, takeOrderIds } from './orders.ts';
import { orderOutbox } from './outbox.ts';
import { acceptedOrder } from '../domain/intake.ts';

const REQUEST = { userId: 1, couponId: null, items: [{ productId: 1, quantity: 1, unitPrice: null }] };
/** Everybody is late. */
const AT_ONCE = { deadlineMs: 0, maxAgeMs: 0, sweepPerSecond: 10 };

/** Postgres plans five times for the values at hand; the sixth may be the plan that stays. */
const RUNS = 7;

/** Every statement of the service that runs for orders again and again. */
async function runEverything(pool: ConnectionPool): Promise<void> {
  const accept = () =>
    transaction(pool, async (tx) => {
      const [id] = (await takeOrderIds(tx, 1)) as [number];
      insertOrders(tx, [{ order: acceptedOrder(id, REQUEST), traceparent: null, requestId: 'request-1' }]);
      return id;
    });
  const context = { step: advanceOrders, pool, outbox: orderOutbox };
  const id = await accept();
  await deliver(context, toDeliveries([stockReserved({ orderId: id }), paymentCompleted({ orderId: id })]));
  await accept();
  const write = { pool, outbox: orderOutbox, handOver: () => undefined };
  await deadlineSweeper(write, AT_ONCE, { open: 0 }, () => undefined).sweep();
  await transaction(pool, (tx) => orderOutbox.claim(tx, [], 10));
  await transaction(pool, (tx) => orderOutbox.remove(tx, [0]));
}

describe('the tables of orders', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  it('keep their history from the service itself: it appends, and rewrites nothing', async () => {
    await orders.placed();
    for (const statement of [
      `UPDATE order_events SET snapshot = ''`,
      'DELETE FROM order_events',
      'TRUNCATE order_events',
    ]) {
      await expect(orders.pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('hold one event of a type and attempt of an order', async () => {
    const id = await orders.placed();
    await expect(
      orders.pool.query(
        `INSERT INTO order_events (order_id, type, snapshot) VALUES ($1, 'ORDER_CREATED', '')`,
        [id],
      ),
    ).rejects.toMatchObject({ code: '23505', constraint: 'order_events_order_id_type_attempt_key' });
  });

  it('hold no paid order without its amounts, and no cancelled one that somebody still owes an answer', async () => {
    await orders.placed();
    for (const [change, constraint] of [
      [`status = 'PAID', paid_at = now()`, 'orders_paid_check'],
      [`status = 'CANCELLED', failure_reason = 'OTHER', pending = '{stock}'`, 'orders_cancelled_check'],
      [`status = 'CANCELLED'`, 'orders_cancelled_check'],
      ['original_amount = 10, discount_amount = 1, total_amount = 10', 'orders_amounts_check'],
    ] as const) {
      await expect(orders.pool.query(`UPDATE orders SET ${change}`)).rejects.toMatchObject({
        code: '23514',
        constraint,
      });
    }
  });

  it('are locked by id, whatever order the events come in, so that batches cannot wait in a circle', async () => {
    const [first, second] = [await orders.placed(), await orders.placed()];
    const other = await orders.pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM orders WHERE id = $1 FOR UPDATE', [first]);
      const waiting = orders.advance(stockReserved({ orderId: second }), stockReserved({ orderId: first }));
      await waitUntil(() => orders.database.someoneWaits(), { what: 'the batch that waits for the order' });
      await other.query('SELECT FROM orders WHERE id = $1 FOR UPDATE NOWAIT', [second]);
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 2 });
    } finally {
      other.release(true);
    }
  });

  it('are written once a line: the event that prices it, and none after', async () => {
    const id = await orders.placed();
    const version = async () =>
      (await orders.owner.query('SELECT xmin, unit_price FROM order_products WHERE order_id = $1', [id]))
        .rows[0];
    await orders.advance(stockReserved({ orderId: id }));
    const priced = await version();
    expect(priced).toMatchObject({ unit_price: 1000n });
    await orders.advance(couponApplied({ orderId: id }));
    await orders.advance(paymentCompleted({ orderId: id }));
    expect(await version()).toEqual(priced);
  });

  it('are reached through an index, by plans that were made while they were empty', async () => {
    const texts = new Set(
      (await statementsOf(orders.pool, (pool) => runEverything(pool))).filter((text) =>
        /^(SELECT|INSERT|UPDATE|DELETE|WITH)/.test(text),
      ),
    );
    await orders.clear();
    // 5 of the intake, 4 more of order.advance, 2 more of the sweeper, claim and remove.
    expect(texts.size).toBe(13);
    for (const text of texts) {
      const { rows } = await orders.pool.query<Record<string, string>>(`EXPLAIN (GENERIC_PLAN) ${text}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
    }
  });

  it('are never scanned, foreign-key checks included, by the count of Postgres itself', async () => {
    const before = await scans(orders);
    const pool = createPool({ url: orders.database.url, name: 'tests', max: 1 });
    for (let run = 0; run < RUNS; run += 1) await runEverything(pool);
    await pool.end();
    const after = await waitUntil(async () => {
      const counted = await scans(orders);
      return counted.inserted >= before.inserted + RUNS * 2 ? counted : null;
    });
    expect(after.scanned - before.scanned).toBe(0);
  });
});

async function scans({ owner }: OrderService): Promise<{ scanned: number; inserted: number }> {
  const { rows } = await owner.query<{ scanned: number; inserted: number }>(
    `SELECT sum(seq_scan)::bigint AS scanned, sum(n_tup_ins) FILTER (WHERE relname = 'orders')::bigint AS inserted
       FROM pg_stat_user_tables WHERE relname IN ('orders', 'order_products', 'order_events', 'outbox')`,
  );
  return rows[0]!;
}
