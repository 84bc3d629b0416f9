import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { readBooks } from '@orderflow/operations/books';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { productBooks } from './books.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the books of the product service', () => {
  let database: TestDatabase;
  let owner: ReturnType<typeof createPool>;
  let reports: ReturnType<typeof createPool>;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests', max: 1, reports: true });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), reports.end()]);
    await database.drop();
  });

  /** Order 10 holds three of product 1, 12 holds nothing any more. */
  beforeEach(async () => {
    await owner.query(
      'TRUNCATE products, product_stocks, stock_adjustments, stock_reservations, sales_orders, product_daily_sales RESTART IDENTITY',
    );
    await owner.query(
      `INSERT INTO products (name, description, price) VALUES ('Tea', '', 10), ('Cup', '', 2)`,
    );
    await owner.query('INSERT INTO product_stocks (product_id, quantity) VALUES (1, 7), (2, 15)');
    await owner.query(
      `INSERT INTO stock_adjustments (product_id, kind, delta) VALUES (1, 'LOAD', 10), (2, 'LOAD', 20), (2, 'ADJUSTMENT', -5)`,
    );
    await owner.query(
      `INSERT INTO stock_reservations (order_id, status, items) VALUES
         (10, 'done', '[{"productId":1,"quantity":3}]'), (12, 'undone', '[{"productId":1,"quantity":2}]'), (14, 'rejected', NULL)`,
    );
    await owner.query(
      `INSERT INTO sales_orders (order_id, state, day, items) VALUES
         (10, 'COUNTED', '2026-01-01', '[{"productId":1,"quantity":3}]'), (12, 'VOID', '2026-01-01', '[{"productId":1,"quantity":2}]')`,
    );
    await owner.query(
      `INSERT INTO product_daily_sales (product_id, date, quantity) VALUES (1, '2026-01-01', 3)`,
    );
  });
  const read = () => readBooks(reports, 'product', productBooks);
  const violations = async () =>
    (await read()).invariants.flatMap(({ id, violations: count, examples }) =>
      count === 0 ? [] : [{ id, count, subjects: examples.map(({ subject }) => subject) }],
    );

  it('are exact when stocks are what is left and sales what was counted', async () => {
    expect(await violations()).toEqual([]);
  });

  it.each<[string, string, object]>([
    [
      'a stock that lost one',
      'UPDATE product_stocks SET quantity = 6 WHERE product_id = 1',
      { id: 'I2', subjects: ['product 1'] },
    ],
    [
      'an adjustment that no stock shows',
      `INSERT INTO stock_adjustments (product_id, kind, delta) VALUES (2, 'ADJUSTMENT', 1)`,
      { id: 'I2', subjects: ['product 2'] },
    ],
    [
      'a live order that holds no stock',
      `UPDATE stock_reservations SET status = 'done' WHERE order_id = 12`,
      { id: 'I2', subjects: ['product 1'] },
    ],
    [
      'a sale that no order counts for',
      `UPDATE sales_orders SET state = 'VOID' WHERE order_id = 10`,
      { id: 'I10', subjects: ['product 1 on 2026-01-01'] },
    ],
  ])('show %s', async (_, plant, found) => {
    await owner.query(plant);
    expect(await violations()).toEqual([{ count: 1, ...found }]);
  });
});
