import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { redisUrl } from '@orderflow/testing/backends';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCancelled, orderPaid, toDeliveries } from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { ownName } from '@orderflow/testing/topics';
import { countSales } from '../steps/count-sales.ts';
import { openCatalogue, type Catalogue } from './catalogue-app.test.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
/** On 2026-03-08 its clocks went from 02:00 to 03:00: a day of 23 hours, from 05:00Z to 04:00Z. */
const NEW_YORK = 'America/New_York';

interface Seller {
  readonly rank: number;
  readonly productId: number;
  readonly quantity: number;
}

describe('what was sold', () => {
  let database: TestDatabase;
  let shop: Catalogue;
  let now = new Date();
  /** 1, 2, 3 … of the products A, B, C … */
  let ids: number[];

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    shop = await openCatalogue({
      databaseUrl: database.url,
      redisUrl: await redisUrl(),
      cacheName: ownName('cache'),
      timeZone: NEW_YORK,
      now: () => now,
    });
  });
  afterAll(async () => {
    await shop.close();
    await database.drop();
  });
  beforeEach(async () => {
    const owner = createPool({ url: database.ownerUrl, name: 'givens' });
    await owner.query(
      'TRUNCATE products, product_stocks, stock_adjustments, product_daily_sales, sales_orders RESTART IDENTITY',
    );
    await owner.end();
    ids = [];
    for (const name of ['A', 'B', 'C', 'D']) {
      const { body } = await shop.create({ name, description: '', price: '2.50', quantity: 0 });
      ids.push((body as { id: number }).id);
    }
    now = new Date('2026-03-10T12:00:00Z');
  });

  const sold = async (...rows: [productId: number, date: string, quantity: number][]) => {
    await shop.pool.query(
      'INSERT INTO product_daily_sales (product_id, date, quantity) SELECT * FROM unnest($1::bigint[], $2::date[], $3::bigint[])',
      [rows.map(([id]) => id), rows.map(([, date]) => date), rows.map(([, , quantity]) => quantity)],
    );
  };
  /** As the running service counts it. */
  const count = (...events: ReceivedEvent[]) =>
    deliver({ step: countSales(NEW_YORK), pool: shop.pool, outbox: messageOutbox }, toDeliveries(events));
  const of = (productId: number, quantity: number) => [{ ...anOrder().items[0]!, productId, quantity }];
  const popular = (query = '') => shop.get(`/v1/products/popular${query}`);
  /** "productId×quantity", best first. */
  const ranking = async (query = '') =>
    ((await popular(query)).body as { data: Seller[] }).data.map(
      ({ productId, quantity }) => `${productId}×${quantity}`,
    );
  const figures = (id: number | string, query = '', as = 'operator') =>
    shop.get(`/v1/products/${id}/daily-sales${query}`, as);
  const days = async (query = '') => {
    const { data } = (await figures(1, query)).body as { data: { date: string; quantity: number }[] };
    return data.map(({ date, quantity }) => `${date}×${quantity}`);
  };

  describe('the popular products', () => {
    it('are ranked by what they sold in the last three days, today included, five of them', async () => {
      await sold([1, '2026-03-10', 3], [1, '2026-03-08', 4], [2, '2026-03-09', 9], [3, '2026-03-07', 99]);
      const { status, body } = await popular();
      expect([status, body]).toEqual([
        200,
        {
          data: [
            { rank: 1, productId: 2, name: 'B', price: '2.50', quantity: 9 },
            { rank: 2, productId: 1, name: 'A', price: '2.50', quantity: 7 },
          ],
          nextCursor: null,
        },
      ]);
      expect((await shop.get('/v1/products/popular', '')).body).toEqual(body);
    });

    it('are those of as many days and as many products as asked for', async () => {
      await sold([1, '2026-03-10', 1], [2, '2026-03-09', 2], [3, '2026-03-08', 3], [4, '2025-12-11', 4]);
      expect(await ranking('?days=1')).toEqual(['1×1']);
      expect(await ranking('?days=2')).toEqual(['2×2', '1×1']);
      expect(await ranking('?days=3&limit=2')).toEqual(['3×3', '2×2']);
      expect(await ranking('?days=90&limit=100')).toEqual(['4×4', '3×3', '2×2', '1×1']);
      expect(await ranking('?days=89')).toEqual(['3×3', '2×2', '1×1']);
    });

    it('are ranked by the lower id when they sold the same', async () => {
      await sold([3, '2026-03-10', 5], [1, '2026-03-09', 5], [2, '2026-03-08', 2], [2, '2026-03-10', 3]);
      expect(await ranking()).toEqual(['1×5', '2×5', '3×5']);
      expect(await ranking('?limit=2')).toEqual(['1×5', '2×5']);
    });

    it('are none that are suspended, nor those whose sales were all refunded, nor days to come', async () => {
      await sold([1, '2026-03-10', 5], [2, '2026-03-10', 0], [3, '2026-03-10', 1], [4, '2026-03-11', 9]);
      await shop.change(1, { status: 'SUSPENDED' });
      expect(await ranking()).toEqual(['3×1']);
      await shop.change(1, { status: 'ON_SALE' });
      expect(await ranking()).toEqual(['1×5', '3×1']);
    });

    it('are none at all while nothing is sold', async () => {
      expect((await popular()).body).toEqual({ data: [], nextCursor: null });
    });

    it.each([
      ['?days=0', '/query/days'],
      ['?days=91', '/query/days'],
      ['?days=1.5', '/query/days'],
      ['?days=03', '/query/days'],
      ['?days=-1', '/query/days'],
      ['?days=', '/query/days'],
      ['?days=9999999999999999999999', '/query/days'],
      ['?days=3&days=4', '/query/days'],
      ['?limit=0', '/query/limit'],
      ['?limit=101', '/query/limit'],
      ['?limit=5e1', '/query/limit'],
      ['?cursor=MQ', '/query/cursor'],
      ['?day=3', '/query/day'],
    ])('are not for the query %s', async (query, path) => {
      expect((await popular(query)).body).toMatchObject({
        status: 400,
        code: 'VALIDATION_FAILED',
        errors: [{ path }],
      });
    });
  });

  it('counts around midnight on the days of its time zone, also on one of 23 hours', async () => {
    const orders: [productId: number, paidAt: string][] = [
      [1, '2026-03-08T04:59:59.999Z'], // the last moment of the 7th
      [2, '2026-03-08T05:00:00.000Z'], // the first of the 8th
      [3, '2026-03-09T03:59:59.999Z'], // its last, an hour early by the clock of the day before
      [4, '2026-03-09T04:00:00.000Z'], // the first of the 9th
    ];
    await count(
      ...orders.map(([productId, paidAt], index) =>
        orderPaid({ orderId: index + 1, items: of(productId, productId), paidAt }),
      ),
    );
    now = new Date('2026-03-09T12:00:00Z');
    expect(await ranking('?days=1')).toEqual(['4×4']);
    expect(await ranking('?days=2')).toEqual(['4×4', '3×3', '2×2']);
    expect(await ranking('?days=3')).toEqual(['4×4', '3×3', '2×2', '1×1']);
    expect(await days()).toEqual(['2026-03-07×1']);

    now = new Date('2026-03-09T03:59:59.999Z');
    expect(await ranking('?days=1')).toEqual(['3×3', '2×2']);
    now = new Date('2026-03-09T04:00:00.000Z');
    expect(await ranking('?days=1')).toEqual(['4×4']);
  });

  it('takes a refund off the day of the payment, however late and in whatever order it comes', async () => {
    const paidAt = '2026-03-08T04:59:59.999Z';
    const [paid, cancelled] = [1, 2].map((orderId) => ({ orderId, items: of(1, 5), paidAt }));
    await count(orderPaid(paid), orderPaid({ orderId: 3, items: of(1, 2), paidAt }));
    await count(orderCancelled({ ...cancelled!, reason: 'CANCELLED_BY_USER' }));
    await count(orderPaid(cancelled));
    now = new Date('2026-03-08T04:00:00Z');
    await shop.cache.invalidate();
    expect(await ranking('?days=1')).toEqual(['1×7']);
    await count(orderCancelled({ ...paid!, reason: 'CANCELLED_BY_USER' }));
    await shop.cache.invalidate();
    expect(await ranking('?days=1')).toEqual(['1×2']);
    expect(await days()).toEqual(['2026-03-07×2']);
  });

  describe('daily sales', () => {
    const DAYS = ['2026-02-27', '2026-02-28', '2026-03-01', '2026-03-05'];
    beforeEach(() =>
      sold(...DAYS.map((date, index): [number, string, number] => [1, date, index]), [2, '2026-03-01', 9]),
    );

    it('are listed by date, from and to included, days without a sale left out', async () => {
      const { status, body } = await figures(1);
      expect([status, body]).toEqual([
        200,
        { data: DAYS.map((date, quantity) => ({ date, quantity })), nextCursor: null },
      ]);
      expect(await days('?from=2026-02-28&to=2026-03-01')).toEqual(['2026-02-28×1', '2026-03-01×2']);
      expect(await days('?from=2026-03-01')).toEqual(['2026-03-01×2', '2026-03-05×3']);
      expect(await days('?to=2026-02-27')).toEqual(['2026-02-27×0']);
      expect(await days('?from=2026-03-02&to=2026-03-04')).toEqual([]);
      expect(await days('?from=0001-01-01&to=9999-12-31')).toHaveLength(4);
    });

    it('come page by page, and an earlier day that is added moves none', async () => {
      const first = (await figures(1, '?from=2026-02-28&limit=2')).body as {
        data: unknown;
        nextCursor: string;
      };
      expect(first.data).toEqual([
        { date: '2026-02-28', quantity: 1 },
        { date: '2026-03-01', quantity: 2 },
      ]);
      await sold([1, '2026-02-26', 7]);
      expect((await figures(1, `?from=2026-02-28&limit=2&cursor=${first.nextCursor}`)).body).toEqual({
        data: [{ date: '2026-03-05', quantity: 3 }],
        nextCursor: null,
      });
    });

    it('are for operators', async () => {
      expect((await figures(1, '', 'user')).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
      expect((await figures(1, '', 'admin')).status).toBe(200);
    });

    it('are empty for a product that sold nothing, and 404 for one that does not exist', async () => {
      expect((await figures(3)).body).toEqual({ data: [], nextCursor: null });
      for (const id of [77, '9223372036854775807']) {
        expect((await figures(id)).body).toMatchObject({ status: 404, code: 'PRODUCT_NOT_FOUND' });
      }
    });

    it.each([
      ['?from=2026-03-02&to=2026-03-01', '/query/to'],
      ['?from=2026-02-29', '/query/from'],
      ['?from=2026-3-1', '/query/from'],
      ['?from=0000-01-01', '/query/from'],
      ['?from=10000-01-01', '/query/from'],
      ['?to=2026-03-01T00:00:00Z', '/query/to'],
      ['?to=', '/query/to'],
      ['?cursor=MQ', '/query/cursor'],
      ['?cursor=IjAwMDAtMDEtMDEi', '/query/cursor'],
      ['?limit=0', '/query/limit'],
      ['?day=2026-03-01', '/query/day'],
    ])('are not for the query %s', async (query, path) => {
      expect((await figures(1, query)).body).toMatchObject({
        status: 400,
        code: 'VALIDATION_FAILED',
        errors: [{ path }],
      });
    });
  });

  it('is reached through an index, on empty tables too', async () => {
    shop.queries.length = 0;
    await figures(1, '?from=2026-03-01&to=2026-03-02');
    await shop.cache.invalidate();
    await popular();
    await shop.get('/v1/products');
    const texts = shop.queries.filter((text) => text.includes('SELECT'));
    expect(texts.length).toBeGreaterThanOrEqual(4);
    const plans = await Promise.all(
      texts.map(async (text) => {
        const { rows } = await shop.pool.query<Record<string, string>>(`EXPLAIN (GENERIC_PLAN) ${text}`);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      }),
    );
    for (const plan of plans) expect(plan).not.toContain('Seq Scan');
    const sums = plans[texts.findIndex((text) => text.includes('WITH sold'))];
    expect(sums).toMatch(/product_daily_sales_date_idx[^]*Index Cond: \(\(date >= /);
  });
});
