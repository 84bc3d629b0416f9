import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { readBooks } from '@orderflow/operations/books';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { paymentBooks } from './books.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the books of the payment service', () => {
  let database: TestDatabase;
  let owner: ReturnType<typeof createPool>;
  let reports: ReturnType<typeof createPool>;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'payment', migrations: MIGRATIONS });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests', max: 1, reports: true });
  });
  afterAll(async () => {
    await Promise.all([owner.end(), reports.end()]);
    await database.drop();
  });

  /** Orders 10 and 11 are paid, 12 is refunded, 13 was refused. */
  beforeEach(async () => {
    await owner.query('TRUNCATE payments, payment_attempts');
    await owner.query(
      `INSERT INTO payments (user_id, order_id, amount, kind) VALUES
         (1, 10, 19, 'PAYMENT'), (1, 11, 10, 'PAYMENT'), (1, 12, 20, 'PAYMENT'), (1, 12, -20, 'REFUND')`,
    );
    await owner.query(
      `INSERT INTO payment_attempts (order_id, status, user_id, amount) VALUES
         (10, 'done', 1, 19), (11, 'done', 1, 10), (12, 'undone', 1, 20), (13, 'rejected', 1, 900000)`,
    );
  });
  const read = () => readBooks(reports, 'payment', paymentBooks);
  const violations = async () =>
    (await read()).invariants.flatMap(({ id, violations: count, examples }) =>
      count === 0 ? [] : [{ id, count, subjects: examples.map(({ subject }) => subject) }],
    );

  it('are exact when each payment is live or back, and sum up', async () => {
    expect(await violations()).toEqual([]);
    expect(await read()).toMatchObject({
      totals: [{ name: 'payments', amount: '29.00' }],
      unpublishedRows: 0,
      openOrders: null,
    });
  });

  it.each<[string, string, object]>([
    [
      'a live payment without its row',
      'DELETE FROM payments WHERE order_id = 10',
      { id: 'I5', subjects: ['order 10'] },
    ],
    [
      'one of another amount',
      'UPDATE payments SET amount = 18.99 WHERE order_id = 10',
      { id: 'I5', subjects: ['order 10'] },
    ],
    [
      'a live one that was refunded',
      `INSERT INTO payments (user_id, order_id, amount, kind) VALUES (1, 11, 0, 'REFUND')`,
      { id: 'I5', subjects: ['order 11'] },
    ],
    [
      'a refund that is missing',
      `DELETE FROM payments WHERE kind = 'REFUND'`,
      { id: 'I6', subjects: ['order 12'] },
    ],
    [
      'a payment of nobody’s order',
      `INSERT INTO payments (user_id, order_id, amount, kind) VALUES (1, 99, 5, 'PAYMENT')`,
      { id: 'I6', subjects: ['order 99'] },
    ],
  ])('show %s', async (_, plant, found) => {
    await owner.query(plant);
    expect(await violations()).toEqual([{ count: 1, ...found }]);
  });
});
