import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { retention } from './retention.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the retention of coupon', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'coupon', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const sweep = () => retention({ pool, outbox: messageOutbox, handOver: () => undefined }).sweep();
  const ids = async (sql: string) => (await pool.query<{ id: string }>(sql)).rows.map(({ id }) => id);

  it('deletes fences of what has been over for 30 days, and never a done one', async () => {
    await pool.query(
      `INSERT INTO coupon_applications (order_id, status, updated_at)
       SELECT id, status, now() - age::interval FROM (VALUES
         (1, 'done', '400 days'), (2, 'rejected', '29 days'), (3, 'undone', '29 days'),
         (4, 'rejected', '31 days'), (5, 'undone', '31 days')) v (id, status, age)`,
    );
    await sweep();
    expect(await ids('SELECT order_id::text AS id FROM coupon_applications ORDER BY 1')).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('goes on until nothing is left, a thousand rows a transaction', async () => {
    await pool.query(
      `INSERT INTO coupon_applications (order_id, status, updated_at)
       SELECT id, 'undone', now() - interval '31 days' FROM generate_series(10, 2509) id`,
    );
    await sweep();
    expect(await ids('SELECT order_id::text AS id FROM coupon_applications ORDER BY 1')).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('deletes dead letters that were closed 30 days ago, and never an open one', async () => {
    await pool.query(
      `INSERT INTO dead_letters (step, topic, partition, "offset", headers, reason, error, parked_at, closed_at)
       SELECT 'step', 'topic', 0, id, '{}', 'SCHEMA', '', now() - interval '1 year', now() - age::interval
         FROM (VALUES (1, NULL), (2, '29 days'), (3, '31 days')) v (id, age)`,
    );
    await sweep();
    expect(await ids('SELECT "offset"::text AS id FROM dead_letters ORDER BY 1')).toEqual(['1', '2']);
  });

  it('deletes idempotency keys after 7 days', async () => {
    await pool.query(
      `INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer, created_at)
       SELECT 1, 'route', key, '', 201, '', now() - age::interval
         FROM (VALUES ('young', '6 days'), ('old', '8 days')) v (key, age)`,
    );
    await sweep();
    expect(await ids('SELECT key AS id FROM idempotency_keys')).toEqual(['young']);
  });
});
