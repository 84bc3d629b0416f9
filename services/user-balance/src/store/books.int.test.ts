import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { readBooks } from '@orderflow/operations/books';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { balanceBooks } from './books.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the books of the user-balance service', () => {
  let database: TestDatabase;
  let owner: ReturnType<typeof createPool>;
  let reports: ReturnType<typeof createPool>;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'user_balance', migrations: MIGRATIONS });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests', max: 1, reports: true });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), reports.end()]);
    await database.drop();
  });

  /** Order 10 is charged, 12 is refunded, 13 was refused. */
  beforeEach(async () => {
    await owner.query('TRUNCATE users, balances, balance_records, order_charges RESTART IDENTITY');
    await owner.query(`INSERT INTO users (name) VALUES ('Ada'), ('Ben')`);
    await owner.query('INSERT INTO balances (user_id, amount) VALUES (1, 81), (2, 5)');
    await owner.query(
      `INSERT INTO balance_records (balance_id, type, amount, order_id) VALUES
         (1, 'TOP_UP', 100, NULL), (1, 'CHARGE', 19, 10), (1, 'CHARGE', 20, 12), (1, 'REFUND', 20, 12), (2, 'TOP_UP', 5, NULL)`,
    );
    await owner.query(
      `INSERT INTO order_charges (order_id, user_id, amount, status) VALUES
         (10, 1, 19, 'done'), (12, 1, 20, 'undone'), (13, 2, 26, 'rejected')`,
    );
  });
  const read = () => readBooks(reports, 'user-balance', balanceBooks);
  const violations = async () =>
    (await read()).invariants.flatMap(({ id, violations: count, examples }) =>
      count === 0 ? [] : [{ id, count, subjects: examples.map(({ subject }) => subject) }],
    );

  it('are exact when balances are their records and charges are live or back, and sum up', async () => {
    expect(await violations()).toEqual([]);
    expect((await read()).totals).toEqual([{ name: 'charges minus refunds', amount: '19.00' }]);
  });

  it.each<[string, string, object]>([
    [
      'a balance that is not its records',
      'UPDATE balances SET amount = 5.01 WHERE user_id = 2',
      { id: 'I1', subjects: ['user 2'] },
    ],
    [
      'a live charge of another amount',
      'UPDATE order_charges SET amount = 18 WHERE order_id = 10',
      { id: 'I5', subjects: ['order 10'] },
    ],
    [
      'a charge of an order that is over',
      `UPDATE order_charges SET status = 'undone' WHERE order_id = 10`,
      { id: 'I6', subjects: ['order 10'] },
    ],
  ])('show %s', async (_, plant, found) => {
    await owner.query(plant);
    expect(await violations()).toEqual([{ count: 1, ...found }]);
  });
});
