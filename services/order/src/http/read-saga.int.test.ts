import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPool, transaction } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { statementsOf } from '@orderflow/testing/watched-pool';
import type pg from 'pg';
import request from 'supertest';
import { addSettledEvents } from '../store/saga-totals.ts';
import { sagaTotalsSweeper } from '../sweepers/saga-totals.ts';
import { createSagaReader, readSagaRoute, type Saga } from './read-saga.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
const CANCEL_DEADLINE_MS = 60_000;

describe('GET /v1/ops/saga', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let owner: pg.Pool;
  beforeAll(async () => {
    database = await createTestDatabase({ name: 'order', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });
  beforeEach(async () => {
    await owner.query('TRUNCATE orders, order_products, order_events');
    await owner.query(
      `UPDATE saga_totals SET event_id = 0, created = 0, paid = 0, refunded = 0, cancelled = '{}', open_from = 0`,
    );
  });

  /** Orders with the events that led them there, `ageSeconds` ago. */
  async function orders(
    count: number,
    status: string,
    { ageSeconds = 0, reason = null as string | null, wasPaid = false } = {},
  ): Promise<void> {
    const paid = wasPaid || status === 'PAID';
    await owner.query(
      `WITH made AS (
         INSERT INTO orders (user_id, status, failure_reason, original_amount, discount_amount, total_amount, created_at,
                             paid_at, cancelling_at)
         SELECT 1, $2::text, $3, 10, 0, 10, t, CASE WHEN $4::boolean THEN t END, CASE WHEN $2::text = 'CANCELLING' THEN t END
           FROM generate_series(1, $1), (SELECT now() - $5::float8 * interval '1 s' AS t) x
         RETURNING id, created_at)
       INSERT INTO order_events (order_id, type, snapshot, created_at)
       SELECT id, type, '{}', created_at
         FROM made, unnest(ARRAY['ORDER_CREATED'] || CASE WHEN $4::boolean THEN ARRAY['ORDER_PAID'] ELSE '{}' END
                           || CASE WHEN $2::text = 'CANCELLED' THEN ARRAY['ORDER_CANCELLED'] ELSE '{}' END) type`,
      [count, status, reason, paid, ageSeconds],
    );
  }

  const sweep = () => sagaTotalsSweeper({ pool }).sweep();
  const read = () => createSagaReader({ pool }, CANCEL_DEADLINE_MS)();

  async function everyKind(ageSeconds: number): Promise<void> {
    await orders(4, 'PAID', { ageSeconds });
    await orders(3, 'CANCELLED', { ageSeconds, reason: 'OUT_OF_STOCK' });
    await orders(2, 'CANCELLED', { ageSeconds, reason: 'CANCELLED_BY_USER', wasPaid: true });
    await orders(1, 'CANCELLING', { ageSeconds, reason: 'TIMED_OUT' });
    await orders(2, 'CANCELLING', { ageSeconds, reason: 'CANCELLED_BY_USER', wasPaid: true });
    await orders(5, 'CREATED', { ageSeconds });
    await orders(1, 'BALANCE_CHARGED', { ageSeconds });
  }
  const counted = {
    orders: {
      CREATED: 5,
      STOCK_RESERVED: 0,
      COUPON_APPLIED: 0,
      BALANCE_CHARGED: 1,
      PAID: 4,
      CANCELLING: 3,
      CANCELLED: 5,
    },
    cancelledByReason: { OUT_OF_STOCK: 3, CANCELLED_BY_USER: 2 },
    open: 6,
    countedUpTo: null,
  };

  it('counts every order by its status, and the cancelled ones by reason, before any sweep', async () => {
    await everyKind(0);
    expect(await read()).toMatchObject(counted);
  });

  it('counts the same when some, and when all, of it has been summed up', async () => {
    await everyKind(120);
    expect(await read()).toMatchObject(counted);
    await transaction(pool, (tx) => addSettledEvents(tx, 7));
    expect(await read()).toMatchObject(counted);
    await sweep();
    expect(await read()).toMatchObject(counted);
    await sweep();
    expect(await read()).toMatchObject(counted);
    const { rows } = await owner.query('SELECT created, paid, refunded, cancelled FROM saga_totals');
    expect(rows).toEqual([{ created: 18, paid: 8, refunded: 2, cancelled: counted.cancelledByReason }]);
  });

  it('sums up what is a minute old, never past a younger event: its neighbours may still commit', async () => {
    await orders(2, 'PAID', { ageSeconds: 120 });
    await orders(1, 'PAID', { ageSeconds: 10 });
    await orders(2, 'PAID', { ageSeconds: 120 });
    await sweep();
    const { rows } = await owner.query<{ created: number }>('SELECT created FROM saga_totals');
    expect(rows[0]?.created).toBe(2);
    expect((await read()).orders.PAID).toBe(5);
  });

  it('sums up on one instance at a time: where another is at it, nothing happens', async () => {
    await orders(3, 'PAID', { ageSeconds: 120 });
    const add = () => transaction(pool, (tx) => addSettledEvents(tx, 100));
    const added = await transaction(pool, async (tx) => {
      const first = await addSettledEvents(tx, 100);
      return [first, await add()];
    });
    expect([...added, await add()]).toEqual([6, 0, 0]);
    const { rows } = await owner.query<{ paid: number }>('SELECT paid FROM saga_totals');
    expect(rows[0]?.paid).toBe(3);
  });

  it('sees open orders wherever they lie, also far behind those that ended', async () => {
    await orders(1, 'CREATED', { ageSeconds: 600 });
    await orders(50, 'PAID', { ageSeconds: 300 });
    await sweep();
    await orders(1, 'STOCK_RESERVED');
    const saga = await read();
    expect([saga.open, saga.orders.CREATED, saga.orders.STOCK_RESERVED]).toEqual([2, 1, 1]);
    expect(saga.oldestOpenSeconds).toBeGreaterThanOrEqual(600);
    await owner.query(
      `UPDATE orders SET status = 'CANCELLED', failure_reason = 'TIMED_OUT' WHERE status = 'CREATED'`,
    );
    await sweep();
    expect((await read()).open).toBe(1);
    const { rows } = await owner.query<{ behind: number }>(
      'SELECT count(*) AS behind FROM orders, saga_totals WHERE orders.id < open_from',
    );
    expect(rows[0]?.behind).toBe(50);
  });

  it('says how old the oldest are, and which wait too long for answers', async () => {
    await orders(2, 'CANCELLING', { ageSeconds: 90, reason: 'TIMED_OUT' });
    await orders(1, 'CANCELLING', { ageSeconds: 10, reason: 'TIMED_OUT' });
    const saga = await read();
    expect([saga.stuck, saga.orders.CANCELLING, saga.oldestOpenSeconds]).toEqual([2, 3, null]);
    expect(saga.oldestCancellingSeconds).toBeGreaterThanOrEqual(90);
  });

  it('measures rates over one minute and five, also in a walk of several chunks', async () => {
    await orders(3_000, 'PAID', { ageSeconds: 200 });
    await orders(600, 'CANCELLED', { ageSeconds: 30, reason: 'OUT_OF_STOCK' });
    const [minute, five] = (await read()).rates;
    expect(minute).toEqual({ seconds: 60, createdPerSecond: 10, paidPerSecond: 0, cancelledPerSecond: 10 });
    expect(five).toEqual({ seconds: 300, createdPerSecond: 12, paidPerSecond: 10, cancelledPerSecond: 2 });
  });

  it('is read once a second, however many look on', async () => {
    const statements = await statementsOf(pool, async (watched) => {
      const cached = createSagaReader({ pool: watched }, CANCEL_DEADLINE_MS);
      await Promise.all([cached(), cached(), cached()]);
      await cached();
    });
    expect(statements.filter((text) => text === 'COMMIT')).toHaveLength(1);
  });

  it('is for operators, in the declared shape', async () => {
    await everyKind(120);
    const app = createHttpApp({
      routes: [readSagaRoute(createSagaReader({ pool }, CANCEL_DEADLINE_MS))],
      verifyToken: (role) =>
        Promise.resolve({
          userId: 1,
          roles: new Set(role === 'operator' ? (['operator'] as const) : []),
          expiresAt: Number.POSITIVE_INFINITY,
        }),
      logger: createLogger({ service: 'order', level: 'silent' }),
      metrics: createMetrics('order'),
      checkAnswers: true,
    });
    const get = (role: string) => request(app).get('/v1/ops/saga').set('Authorization', role);
    expect((await get('user')).status).toBe(403);
    const { status, body } = await get('operator');
    expect(status).toBe(200);
    expect(body as Saga).toMatchObject(counted);
  });
});
