import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool, transaction } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { anOrder } from '@orderflow/testing/orders';
import { waitUntil } from '@orderflow/testing/wait-until';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCancelled, orderPaid, toDeliveries } from '@orderflow/testing/events';
import { insertProduct } from '../store/products.ts';
import { countSales } from './count-sales.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
/** 23:30 in New York on the last day of February. */
const PAID_AT = '2026-03-01T04:30:00.000Z';
const DAY = '2026-02-28';

describe('product.count-sales on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let lamp: number;
  let chair: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    const load = (name: string) =>
      transaction(pool, (tx) => insertProduct(tx, { name, description: '', price: 1n, stock: 0 }));
    lamp = (await load('Lamp')).id;
    chair = (await load('Chair')).id;
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  beforeEach(() => pool.query('DELETE FROM sales_orders; DELETE FROM product_daily_sales'));

  const count = (...events: ReceivedEvent[]) =>
    deliver({ step: countSales('America/New_York'), pool, outbox: messageOutbox }, toDeliveries(events));

  const items = (...quantities: [productId: number, quantity: number][]) =>
    quantities.map(([productId, quantity]) => ({ ...anOrder().items[0]!, productId, quantity }));
  const paid = (orderId: number, ...quantities: [number, number][]) =>
    orderPaid({ orderId, items: items(...quantities), paidAt: PAID_AT });
  const cancelled = (orderId: number, ...quantities: [number, number][]) =>
    orderCancelled({ orderId, items: items(...quantities), paidAt: PAID_AT });

  const daily = async () =>
    (await pool.query('SELECT product_id, date, quantity FROM product_daily_sales ORDER BY product_id')).rows;
  const someoneWaits = () =>
    waitUntil(async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
  const states = async () =>
    (await pool.query('SELECT order_id, state, day, items FROM sales_orders ORDER BY order_id')).rows;

  it('adds the sum per product and day, the day in the sales time zone', async () => {
    await count(paid(1, [chair, 1], [lamp, 2]), paid(2, [lamp, 3]));
    await count(paid(3, [lamp, 4]));
    expect(await daily()).toEqual([
      { product_id: lamp, date: DAY, quantity: 9 },
      { product_id: chair, date: DAY, quantity: 1 },
    ]);
    expect((await states())[1]).toEqual({
      order_id: 2,
      state: 'COUNTED',
      day: DAY,
      items: [{ productId: lamp, quantity: 3 }],
    });
  });

  it('counts once and subtracts once, and publishes nothing', async () => {
    await count(paid(1, [lamp, 2]), paid(2, [lamp, 5]));
    const delivered = await count(paid(1, [lamp, 2]), cancelled(1, [lamp, 999]));
    await count(cancelled(1, [lamp, 2]), paid(1, [lamp, 2]));
    expect(await daily()).toEqual([{ product_id: lamp, date: DAY, quantity: 5 }]);
    expect(await states()).toMatchObject([{ state: 'VOID' }, { state: 'COUNTED' }]);
    expect(delivered).toMatchObject({ facts: 1, row: undefined });
  });

  it('never counts what was cancelled first', async () => {
    await count(cancelled(1, [lamp, 2]));
    await count(paid(1, [lamp, 2]));
    expect(await daily()).toEqual([]);
    expect(await states()).toEqual([
      { order_id: 1, state: 'VOID', day: DAY, items: [{ productId: lamp, quantity: 2 }] },
    ]);
  });

  it('leaves the same rows whether paid and cancelled come in one batch or in two', async () => {
    await count(paid(1, [lamp, 2]), cancelled(1, [lamp, 2]));
    const together = [await daily(), await states()];
    await pool.query('DELETE FROM sales_orders; DELETE FROM product_daily_sales');
    await count(paid(1, [lamp, 2]));
    await count(cancelled(1, [lamp, 2]));
    expect([await daily(), await states()]).toEqual(together);
    expect(together[0]).toEqual([{ product_id: lamp, date: DAY, quantity: 0 }]);
  });

  it('adds and subtracts in one batch, product by product', async () => {
    await count(paid(1, [lamp, 10], [chair, 10]));
    await count(cancelled(1, [lamp, 1]), paid(2, [chair, 3]));
    expect(await daily()).toEqual([
      { product_id: lamp, date: DAY, quantity: 0 },
      { product_id: chair, date: DAY, quantity: 3 },
    ]);
  });

  it('waits for another batch that voids the same order, and subtracts once', async () => {
    await count(paid(1, [lamp, 2]));
    const other = await pool.connect();
    try {
      await other.query(`BEGIN; UPDATE sales_orders SET state = 'VOID' WHERE order_id = 1`);
      const waiting = count(cancelled(1, [lamp, 2]));
      await someoneWaits();
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 0 });
    } finally {
      other.release();
    }
    expect(await daily()).toMatchObject([{ quantity: 2 }]);
  });

  it('loses the race for an order that another batch has counted and not committed, and counts nothing', async () => {
    const other = await pool.connect();
    try {
      await other.query(
        `BEGIN; INSERT INTO sales_orders (order_id, state, day, items) VALUES (1, 'COUNTED', '${DAY}', '[]')`,
      );
      const lost = expect(count(paid(1, [lamp, 2]))).rejects.toMatchObject({
        code: '23505',
        constraint: 'sales_orders_pkey',
      });
      await someoneWaits();
      await other.query('COMMIT');
      await lost;
    } finally {
      other.release();
    }
    expect(await daily()).toEqual([]);
    expect(await count(paid(1, [lamp, 2]))).toMatchObject({ facts: 0 });
  });

  it('locks days by product, whatever order the events come in, so that batches cannot wait in a circle', async () => {
    await count(paid(1, [lamp, 1], [chair, 1]));
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM product_daily_sales WHERE product_id = $1 FOR UPDATE', [lamp]);
      const waiting = count(paid(2, [chair, 1]), paid(3, [lamp, 1]));
      await someoneWaits();
      await other.query('SELECT FROM product_daily_sales WHERE product_id = $1 FOR UPDATE NOWAIT', [chair]);
      await other.query('COMMIT');
      await waiting;
    } finally {
      other.release();
    }
    expect(await daily()).toMatchObject([{ quantity: 2 }, { quantity: 2 }]);
  });

  it('is exact under batches that meet on the same products, new and known, up and down', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => index + 1);
    const lampFirst: [number, number][] = [
      [lamp, 1],
      [chair, 2],
    ];
    const both = (orderId: number): [number, number][] => (orderId % 2 ? lampFirst : lampFirst.toReversed());
    await count(...ids.slice(0, 20).map((id) => paid(id, ...both(id))));
    await Promise.all(
      [0, 1, 2, 3, 4].map((n) =>
        count(
          ...ids.slice(n * 4, n * 4 + 4).map((id) => cancelled(id, ...both(id))),
          ...ids.slice(20 + n * 4, 24 + n * 4).map((id) => paid(id, ...both(id))),
        ),
      ),
    );
    expect(await daily()).toEqual([
      { product_id: lamp, date: DAY, quantity: 20 },
      { product_id: chair, date: DAY, quantity: 40 },
    ]);
  });
});
