import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool, transaction } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { anOrder } from '@orderflow/testing/orders';
import { waitUntil } from '@orderflow/testing/wait-until';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCancelling, orderCreated, PAID_AT, toDeliveries } from '@orderflow/testing/events';
import { insertProduct } from '../store/products.ts';
import { releaseStock } from './release-stock.ts';
import { reserveStock } from './reserve-stock.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('product.release on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let lamp: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  beforeEach(async () => {
    await pool.query('DELETE FROM stock_reservations; DELETE FROM outbox');
    const product = { name: 'Lamp', description: '', price: 1250n, stock: 10 };
    lamp = (await transaction(pool, (tx) => insertProduct(tx, product))).id;
  });

  const reserve = (...orderIds: number[]) => {
    const items = [
      { productId: lamp, quantity: 2, expectedUnitPrice: null, unitPrice: null, totalPrice: null },
    ];
    const events = orderIds.map((orderId) => orderCreated({ orderId, items }));
    return deliver({ step: reserveStock, pool, outbox: messageOutbox }, toDeliveries(events));
  };
  const release = (...events: ReceivedEvent[]) =>
    deliver({ step: releaseStock, pool, outbox: messageOutbox }, toDeliveries(events));

  const stock = async () => {
    const { rows } = await pool.query<{ quantity: number }>(
      'SELECT quantity FROM product_stocks WHERE product_id = $1',
      [lamp],
    );
    return rows[0]?.quantity;
  };
  const reservations = async () =>
    (await pool.query('SELECT order_id, status, attempt FROM stock_reservations ORDER BY order_id')).rows;

  it('puts back what the rows hold, in one sum per product, and answers each order', async () => {
    await reserve(1, 2, 3);
    const other = anOrder({ items: [{ ...anOrder().items[0]!, productId: lamp, quantity: 999 }] });
    const { row } = await release(
      orderCancelling({ orderId: 2, items: other.items }),
      orderCancelling({ orderId: 1, paidAt: PAID_AT }),
    );
    expect(await stock()).toBe(8);
    expect(await reservations()).toEqual([
      { order_id: 1, status: 'undone', attempt: 0 },
      { order_id: 2, status: 'undone', attempt: 0 },
      { order_id: 3, status: 'done', attempt: 0 },
    ]);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'stock-released/2',
      'stock-released/1',
    ]);
  });

  it('gives back once, whatever is delivered again or at the same time', async () => {
    await reserve(1, 2);
    const events = [orderCancelling({ orderId: 1 }), orderCancelling({ orderId: 2 })];
    await Promise.all([release(...events), release(...events.toReversed()), release(...events)]);
    expect(await release(...events)).toMatchObject({ facts: 0, row: undefined });
    expect(await stock()).toBe(10);
    const { rows } = await pool.query<{ messages: string }>('SELECT messages FROM outbox');
    expect(rows.flatMap(({ messages }) => JSON.parse(messages) as object[])).toHaveLength(2 + 2);
  });

  it('waits for another batch that undoes the same order, and then gives nothing back', async () => {
    await reserve(1);
    const other = await pool.connect();
    try {
      await other.query(`BEGIN; UPDATE stock_reservations SET status = 'undone' WHERE order_id = 1`);
      const waiting = release(orderCancelling({ orderId: 1 }));
      await waitUntil(async () => {
        const { rows } = await pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 0 });
    } finally {
      other.release();
    }
    expect(await stock()).toBe(8);
  });

  it('writes a tombstone and the nudge of the same batch as one row with the last attempt', async () => {
    const { row } = await release(
      orderCancelling({ orderId: 5 }),
      orderCancelling({ orderId: 5, attempt: 1 }),
    );
    expect(await reservations()).toEqual([{ order_id: 5, status: 'undone', attempt: 1 }]);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'stock-released/5',
      'stock-released/5/1',
    ]);
  });

  it('remembers the attempt of a nudge, and answers it once', async () => {
    await reserve(1);
    await release(orderCancelling({ orderId: 1 }));
    await release(orderCancelling({ orderId: 1, attempt: 2 }));
    expect(await release(orderCancelling({ orderId: 1, attempt: 2 }))).toMatchObject({ facts: 0 });
    expect(await reservations()).toEqual([{ order_id: 1, status: 'undone', attempt: 2 }]);
    expect(await stock()).toBe(10);
  });

  it('writes no row when stock is not named', async () => {
    await release(orderCancelling({ orderId: 1, compensate: ['coupon', 'payment'] }));
    expect(await reservations()).toEqual([]);
  });

  it('throws for a refund of an order it never saw, and leaves nothing', async () => {
    await expect(
      release(orderCancelling({ orderId: 1 }), orderCancelling({ orderId: 2, paidAt: PAID_AT })),
    ).rejects.toMatchObject({ code: 'REFUND_WITHOUT_CHARGE' });
    expect(await reservations()).toEqual([]);
  });
});
