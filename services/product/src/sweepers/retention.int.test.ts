import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { retention } from './retention.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('retention', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const ids = async (statement: string) =>
    (await pool.query<{ id: string | number }>(statement)).rows.map(({ id }) => String(id));

  it('deletes what is over and old enough, all of it, and nothing else', async () => {
    await pool.query(`
      INSERT INTO stock_reservations (order_id, status, items, updated_at) VALUES
        (1, 'done', '[]', now() - interval '400 days'),
        (2, 'rejected', null, now() - interval '31 days'), (3, 'undone', '[]', now() - interval '31 days'),
        (4, 'rejected', null, now() - interval '29 days'), (5, 'undone', null, now() - interval '29 days');
      INSERT INTO stock_reservations (order_id, status, updated_at)
        SELECT n, 'rejected', now() - interval '31 days' FROM generate_series(100, 2600) n;
      INSERT INTO sales_orders (order_id, state, day, items, updated_at) VALUES
        (1, 'COUNTED', '2026-01-01', '[]', now() - interval '400 days'),
        (2, 'VOID', '2026-01-01', '[]', now() - interval '31 days'),
        (3, 'VOID', '2026-01-01', '[]', now() - interval '29 days');
      INSERT INTO dead_letters (step, topic, partition, "offset", headers, reason, error, parked_at, closed_at) VALUES
        ('s', 't', 0, 1, '{}', 'FAULT', '', now() - interval '90 days', null),
        ('s', 't', 0, 2, '{}', 'FAULT', '', now() - interval '90 days', now() - interval '31 days'),
        ('s', 't', 0, 3, '{}', 'FAULT', '', now() - interval '90 days', now() - interval '29 days');
      INSERT INTO idempotency_keys (subject, route, key, fingerprint, created_at) VALUES
        (1, 'r', 'old', 'f', now() - interval '8 days'), (1, 'r', 'young', 'f', now() - interval '6 days')`);
    await retention({ pool, outbox: messageOutbox, handOver: () => undefined }).sweep();
    expect(await ids('SELECT order_id AS id FROM stock_reservations ORDER BY order_id')).toEqual([
      '1',
      '4',
      '5',
    ]);
    expect(await ids('SELECT order_id AS id FROM sales_orders ORDER BY order_id')).toEqual(['1', '3']);
    expect(await ids('SELECT "offset" AS id FROM dead_letters ORDER BY "offset"')).toEqual(['1', '3']);
    expect(await ids('SELECT key AS id FROM idempotency_keys')).toEqual(['young']);
  });

  it('passes over rows that a step holds', async () => {
    await pool.query(`
      INSERT INTO stock_reservations (order_id, status, updated_at) VALUES
        (50, 'undone', now() - interval '31 days'), (51, 'undone', now() - interval '31 days')`);
    const step = await pool.connect();
    try {
      await step.query('BEGIN; SELECT FROM stock_reservations WHERE order_id = 50 FOR NO KEY UPDATE');
      await retention({ pool, outbox: messageOutbox, handOver: () => undefined }).sweep();
      await step.query('COMMIT');
    } finally {
      step.release();
    }
    expect(await ids('SELECT order_id AS id FROM stock_reservations WHERE order_id >= 50')).toEqual(['50']);
  });
});
