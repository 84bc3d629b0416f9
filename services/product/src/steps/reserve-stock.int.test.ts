import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool, transaction } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import type { OrderItem } from '@orderflow/shared-events/order-so-far';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { waitUntil } from '@orderflow/testing/wait-until';
import { orderCancelling, orderCreated, toDeliveries } from '@orderflow/testing/events';
import { insertProduct } from '../store/products.ts';
import { releaseStock } from './release-stock.ts';
import { reserveStock } from './reserve-stock.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

const item = (productId: number, quantity: number, expectedUnitPrice: bigint | null = null): OrderItem => ({
  productId,
  quantity,
  expectedUnitPrice,
  unitPrice: null,
  totalPrice: null,
});

describe('product.reserve on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let lamp: number;
  let chair: number;

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
    const load = (name: string, price: bigint, stock: number) =>
      transaction(pool, (tx) => insertProduct(tx, { name, description: '', price, stock }));
    lamp = (await load('Lamp', 1250n, 5)).id;
    chair = (await load('Chair', 99n, 3)).id;
  });

  const reserve = (...events: ReceivedEvent[]) =>
    deliver({ step: reserveStock, pool, outbox: messageOutbox }, toDeliveries(events));
  const release = (...events: ReceivedEvent[]) =>
    deliver({ step: releaseStock, pool, outbox: messageOutbox }, toDeliveries(events));

  const stockOf = async (productId: number) => {
    const { rows } = await pool.query<{ quantity: number }>(
      'SELECT quantity FROM product_stocks WHERE product_id = $1',
      [productId],
    );
    return rows[0]?.quantity;
  };
  const someoneWaits = () =>
    waitUntil(async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
  const reservations = async () =>
    (await pool.query('SELECT order_id, status, attempt, items FROM stock_reservations ORDER BY order_id'))
      .rows;

  it('takes the sum per product, remembers every order and publishes every answer in one outbox row', async () => {
    const { row } = await reserve(
      orderCreated({ orderId: 3, items: [item(chair, 2), item(lamp, 1)] }),
      orderCreated({ orderId: 1, items: [item(lamp, 2)] }),
      orderCreated({ orderId: 2, items: [item(chair, 2)] }),
    );
    expect([await stockOf(lamp), await stockOf(chair)]).toEqual([2, 1]);
    expect(await reservations()).toEqual([
      { order_id: 1, status: 'done', attempt: 0, items: [{ productId: lamp, quantity: 2 }] },
      { order_id: 2, status: 'rejected', attempt: 0, items: null },
      {
        order_id: 3,
        status: 'done',
        attempt: 0,
        items: [
          { productId: lamp, quantity: 1 },
          { productId: chair, quantity: 2 },
        ],
      },
    ]);
    expect(row?.messages.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
      'stock-reserved 3',
      'stock-reserved 1',
      'stock-rejected 2',
    ]);
    expect(JSON.parse(row?.messages[0]?.value ?? '')).toMatchObject({
      items: [
        { productId: chair, unitPrice: '0.99', totalPrice: '1.98' },
        { productId: lamp, unitPrice: '12.50', totalPrice: '12.50' },
      ],
      originalAmount: '14.48',
      discountAmount: null,
    });
    const { rows } = await pool.query('SELECT id FROM outbox');
    expect(rows).toEqual([{ id: row?.id }]);
  });

  it('changes nothing and says nothing when a batch is delivered again, whole or overlapping', async () => {
    const first = orderCreated({ orderId: 1, items: [item(lamp, 2)] });
    const refused = orderCreated({ orderId: 2, items: [item(lamp, 1, 1249n)] });
    await reserve(first, refused);
    expect(await reserve(first, refused)).toMatchObject({ facts: 0, row: undefined });
    await reserve(refused, orderCreated({ orderId: 3, items: [item(lamp, 1)] }), first);
    expect(await stockOf(lamp)).toBe(2);
    expect(await reservations()).toHaveLength(3);
  });

  it('sells the last pieces once, however many batches want them at the same time', async () => {
    const batches = Array.from({ length: 8 }, (_, batch) =>
      [1, 2].map((n) =>
        // In both orders, so that unsorted locks would wait for each other in a circle.
        orderCreated({
          orderId: batch * 10 + n,
          items: n === 1 ? [item(chair, 1), item(lamp, 1)] : [item(lamp, 1), item(chair, 1)],
        }),
      ),
    );
    await Promise.all(batches.map((batch) => reserve(...batch)));
    expect([await stockOf(lamp), await stockOf(chair)]).toEqual([2, 0]);
    const done = (await reservations()).filter(({ status }) => status === 'done');
    expect(done).toHaveLength(3);
  });

  it('locks stocks by product, whatever order the lines come in, so that batches cannot wait in a circle', async () => {
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM product_stocks WHERE product_id = $1 FOR UPDATE', [lamp]);
      const waiting = reserve(orderCreated({ orderId: 1, items: [item(chair, 1), item(lamp, 1)] }));
      await someoneWaits();
      await other.query('SELECT FROM product_stocks WHERE product_id = $1 FOR UPDATE NOWAIT', [chair]);
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 1 });
    } finally {
      other.release(true);
    }
  });

  it('does nothing for an order that was cancelled before it came', async () => {
    await release(orderCancelling({ orderId: 1 }));
    expect(await reserve(orderCreated({ orderId: 1, items: [item(lamp, 2)] }))).toMatchObject({ facts: 0 });
    expect(await stockOf(lamp)).toBe(5);
  });

  it('loses a race against a tombstone as a unique violation of the fence, and leaves nothing of it', async () => {
    const created = orderCreated({ orderId: 1, items: [item(lamp, 2)] });
    const tombstone = await pool.connect();
    try {
      await tombstone.query(
        `BEGIN; INSERT INTO stock_reservations (order_id, status, attempt) VALUES (1, 'undone', 0)`,
      );
      const losing = reserve(created);
      // It has read no fence and waits for the one that is not committed yet.
      await Promise.all([
        expect(losing).rejects.toMatchObject({ code: '23505', constraint: 'stock_reservations_pkey' }),
        someoneWaits().then(() => tombstone.query('COMMIT')),
      ]);
    } finally {
      tombstone.release();
    }
    expect(await stockOf(lamp)).toBe(5);
    expect(await reserve(created)).toMatchObject({ facts: 0 });
    expect(reserveStock.fences).toContain('stock_reservations_pkey');
  });

  it('has CHECK (quantity >= 0) behind it', async () => {
    await expect(
      pool.query('UPDATE product_stocks SET quantity = -1 WHERE product_id = $1', [lamp]),
    ).rejects.toMatchObject({ code: '23514' });
  });
});
