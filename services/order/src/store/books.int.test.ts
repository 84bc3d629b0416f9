import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { readBooks } from '@orderflow/operations/books';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderBooks } from './books.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the books of the order service', () => {
  let database: TestDatabase;
  let owner: ReturnType<typeof createPool>;
  let reports: ReturnType<typeof createPool>;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'order', migrations: MIGRATIONS });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests', max: 1, reports: true });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), reports.end()]);
    await database.drop();
  });

  beforeEach(async () => {
    await owner.query('TRUNCATE orders, order_products, order_events RESTART IDENTITY');
    await owner.query(
      `INSERT INTO orders (id, user_id, status, original_amount, discount_amount, total_amount, failure_reason, paid_at, created_at) VALUES
         (1, 1, 'PAID', 24, 5, 19, NULL, now(), now() - interval '1 day'),
         (2, 1, 'PAID', 10, 0, 10, NULL, now(), now() - interval '1 day'),
         (3, 2, 'CANCELLED', 30, 0, 30, 'TIMED_OUT', NULL, now() - interval '1 day'),
         (4, 2, 'STOCK_RESERVED', NULL, NULL, NULL, NULL, NULL, now() - interval '5 minutes')`,
    );
    await owner.query(
      `INSERT INTO order_events (order_id, type, snapshot) SELECT id, 'ORDER_CREATED', '{}' FROM orders`,
    );
  });
  const read = () =>
    readBooks(reports, 'order', orderBooks({ ORDER_MAX_AGE_MS: 300_000, CANCEL_DEADLINE_MS: 60_000 }));
  const violations = async () =>
    (await read()).invariants.flatMap(({ id, violations: count, examples }) =>
      count === 0 ? [] : [{ id, count, subjects: examples.map(({ subject }) => subject) }],
    );

  it('are exact while every order still has time; they say what is open, and the sum of what was paid', async () => {
    expect(await violations()).toEqual([]);
    expect(await read()).toMatchObject({
      totals: [{ name: 'totals of PAID orders', amount: '29.00' }],
      openOrders: 1,
      lastEventId: 4,
      unpublishedRows: 0,
    });
  });

  it.each<[string, string, object]>([
    [
      'an order that was neither paid nor given up in time',
      `UPDATE orders SET created_at = now() - interval '7 minutes' WHERE id = 4`,
      { id: 'I4', subjects: ['order 4'] },
    ],
    [
      'an order that is not undone in time, however old it is',
      `UPDATE orders SET status = 'CANCELLING', cancelling_at = now() - interval '61 s', pending = '{stock}' WHERE id = 2`,
      { id: 'I4', subjects: ['order 2'] },
    ],
  ])('show %s', async (_, plant, found) => {
    await owner.query(plant);
    expect(await violations()).toEqual([{ count: 1, ...found }]);
  });

  it('leave an old order alone that is being refunded just now', async () => {
    await owner.query(
      `UPDATE orders SET status = 'CANCELLING', cancelling_at = now(), pending = '{stock}' WHERE id = 2`,
    );
    expect(await violations()).toEqual([]);
  });
});
