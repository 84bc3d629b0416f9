import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { readBooks } from '@orderflow/operations/books';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { couponBooks } from './books.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the books of the coupon service', () => {
  let database: TestDatabase;
  let owner: ReturnType<typeof createPool>;
  let reports: ReturnType<typeof createPool>;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'coupon', migrations: MIGRATIONS });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests', max: 1, reports: true });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), reports.end()]);
    await database.drop();
  });

  /** Two of ten coupons are issued; the first is used by order 10, the second was tried by order 13. */
  beforeEach(async () => {
    await owner.query('TRUNCATE coupon_sources, coupons, coupon_applications RESTART IDENTITY');
    await owner.query(
      `INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity) VALUES ('Welcome', 5, 8, 10)`,
    );
    await owner.query(
      `INSERT INTO coupons (user_id, coupon_source_id, used_at, name, discount_amount) VALUES
         (1, 1, now(), 'Welcome', 5), (2, 1, NULL, 'Welcome', 5)`,
    );
    await owner.query(
      `INSERT INTO coupon_applications (order_id, coupon_id, status, discount_amount) VALUES
         (10, 1, 'done', 5), (11, NULL, 'done', 0), (13, 2, 'undone', 4)`,
    );
  });
  const read = () => readBooks(reports, 'coupon', couponBooks);
  const violations = async () =>
    (await read()).invariants.flatMap(({ id, violations: count, examples }) =>
      count === 0 ? [] : [{ id, count, subjects: examples.map(({ subject }) => subject) }],
    );

  it('are exact when coupons are counted and each used one has its order', async () => {
    expect(await violations()).toEqual([]);
    expect((await read()).totals).toEqual([]);
  });

  it.each<[string, string, object]>([
    [
      'a source that has lost one',
      'UPDATE coupon_sources SET quantity = 7',
      { id: 'I3', subjects: ['coupon source 1'] },
    ],
    [
      'a used coupon that no order holds',
      'UPDATE coupons SET used_at = now() WHERE id = 2',
      { id: 'I3', subjects: ['coupon 2'] },
    ],
    [
      'a held coupon that is unused',
      'UPDATE coupons SET used_at = NULL WHERE id = 1',
      { id: 'I3', subjects: ['coupon 1'] },
    ],
    [
      'a coupon that two live orders hold',
      "INSERT INTO coupon_applications (order_id, coupon_id, status, discount_amount) VALUES (14, 1, 'done', 5)",
      { id: 'I3', subjects: ['coupon 1'] },
    ],
  ])('show %s', async (_, plant, found) => {
    await owner.query(plant);
    expect(await violations()).toEqual([{ count: 1, ...found }]);
  });

  it('show a user who has two of one source', async () => {
    await owner.query('ALTER TABLE coupons DROP CONSTRAINT coupons_user_id_coupon_source_id_key');
    await owner.query('UPDATE coupons SET user_id = 1');
    expect(await violations()).toEqual([{ id: 'I3', count: 1, subjects: ['user 1'] }]);
  });
});
