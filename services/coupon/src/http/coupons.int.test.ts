import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import request from 'supertest';
import { PrismaClient } from '../generated/prisma/client.ts';
import { createCouponSource } from './create-coupon-source.ts';
import { issueCoupon } from './issue-coupon.ts';
import { listCouponSources } from './list-coupon-sources.ts';
import { listCoupons } from './list-coupons.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
const ADMIN = 1000;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('the HTTP side of coupon', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let reader: PrismaClient;
  let app: ReturnType<typeof createHttpApp>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'coupon', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    reader = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, max: 2 }) });
    const write = { pool, outbox: messageOutbox, handOver: () => undefined };
    app = createHttpApp({
      routes: [
        createCouponSource(reader),
        listCouponSources(reader),
        issueCoupon(write, { intervalMs: 1, maxBatch: 100, maxWaiting: 1000 }),
        listCoupons(reader),
      ],
      // The header is the user id: who may have which token is tested where tokens are checked.
      verifyToken: (user) =>
        Promise.resolve({
          userId: Number(user),
          roles: new Set(Number(user) === ADMIN ? (['operator', 'admin'] as const) : []),
          expiresAt: Number.POSITIVE_INFINITY,
        }),
      logger: createLogger({ service: 'coupon', level: 'silent' }),
      metrics: createMetrics('coupon'),
      checkAnswers: true,
    });
  });

  afterAll(async () => {
    await Promise.all([pool.end(), reader.$disconnect()]);
    await database.drop();
  });

  beforeEach(async () => {
    await pool.query('DELETE FROM coupons; DELETE FROM coupon_sources');
  });

  const open = async (quantity: number) => {
    const body = { name: 'Welcome', discountAmount: '3', quantity };
    const answer = await request(app)
      .post('/v1/coupon-sources')
      .set('Authorization', String(ADMIN))
      .send(body);
    expect(answer.status).toBe(201);
    return answer.body as { id: number };
  };
  const issue = (sourceId: number | string, userId: number) =>
    request(app).post(`/v1/coupon-sources/${sourceId}/coupons`).set('Authorization', String(userId));
  const coupons = (userId: number, query = '') =>
    request(app).get(`/v1/coupons${query}`).set('Authorization', String(userId));
  const idsOf = (body: unknown) => (body as { data: { id: number }[] }).data.map(({ id }) => id);

  it('opens a source and shows what is left of each, page by page', async () => {
    const sources = [await open(2), await open(1), await open(1)];
    expect(sources[0]).toEqual({
      id: expect.any(Number),
      name: 'Welcome',
      discountAmount: '3.00',
      quantity: 2,
      initialQuantity: 2,
    });
    await issue(sources[0]!.id, 1);
    const first = await request(app).get('/v1/coupon-sources?limit=2');
    expect(first.body).toEqual({
      data: [{ ...sources[0], quantity: 1 }, sources[1]],
      nextCursor: expect.any(String),
    });
    const { nextCursor } = first.body as { nextCursor: string };
    const last = await request(app).get(`/v1/coupon-sources?limit=2&cursor=${nextCursor}`);
    expect(last.body).toEqual({ data: [sources[2]], nextCursor: null });
  });

  it('lets nobody but an admin open a source', async () => {
    const answer = await request(app)
      .post('/v1/coupon-sources')
      .set('Authorization', '1')
      .send({ name: 'Mine', discountAmount: '3.00', quantity: 1 });
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([403, 'FORBIDDEN']);
  });

  it.each([
    [{ name: '', discountAmount: '3.00', quantity: 1 }, '/name'],
    [{ name: 'sixteen letters!', discountAmount: '3.00', quantity: 1 }, '/name'],
    [{ name: 'A', discountAmount: '0.00', quantity: 1 }, '/discountAmount'],
    [{ name: 'A', discountAmount: '1.005', quantity: 1 }, '/discountAmount'],
    [{ name: 'A', discountAmount: 3, quantity: 1 }, '/discountAmount'],
    [{ name: 'A', discountAmount: '10000000.00', quantity: 1 }, '/discountAmount'],
    [{ name: 'A', discountAmount: '3.00', quantity: 0 }, '/quantity'],
    [{ name: 'A', discountAmount: '3.00', quantity: 1_000_000_001 }, '/quantity'],
  ])('refuses the source %j', async (body, path) => {
    const answer = await request(app)
      .post('/v1/coupon-sources')
      .set('Authorization', String(ADMIN))
      .send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path }] });
  });

  it('issues a coupon that its owner finds, unused first and used later', async () => {
    const source = await open(5);
    const answer = await issue(source.id, 1);
    expect(answer.status).toBe(201);
    const coupon = {
      id: expect.any(Number),
      couponSourceId: source.id,
      name: 'Welcome',
      discountAmount: '3.00',
      status: 'UNUSED',
      usedAt: null,
      createdAt: TIME,
    };
    expect(answer.body).toEqual(coupon);
    expect((await coupons(1)).body).toEqual({ data: [answer.body], nextCursor: null });
    expect((await coupons(2)).body).toEqual({ data: [], nextCursor: null });
    await pool.query('UPDATE coupons SET used_at = now()');
    expect((await coupons(1, '?status=UNUSED')).body).toEqual({ data: [], nextCursor: null });
    expect((await coupons(1, '?status=USED')).body).toEqual({
      data: [{ ...coupon, status: 'USED', usedAt: TIME }],
      nextCursor: null,
    });
  });

  it('lists own coupons newest first, page by page', async () => {
    const ids: number[] = [];
    for (const source of [await open(1), await open(1), await open(1)]) {
      ids.unshift(((await issue(source.id, 1)).body as { id: number }).id);
    }
    const first = await coupons(1, '?limit=2');
    const { nextCursor } = first.body as { nextCursor: string };
    expect(idsOf(first.body)).toEqual(ids.slice(0, 2));
    expect(idsOf((await coupons(1, `?limit=2&cursor=${nextCursor}`)).body)).toEqual(ids.slice(2));
  });

  it('tells who has one already which, even when nothing is left', async () => {
    const source = await open(1);
    const { id } = (await issue(source.id, 1)).body as { id: number };
    const again = await issue(source.id, 1);
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: 'ALREADY_ISSUED', couponId: id });
    expect((await issue(source.id, 2)).body).toMatchObject({ status: 409, code: 'SOLD_OUT' });
  });

  it('issues exactly what there is to a crowd, at most one each, and names it to who asks twice', async () => {
    const source = await open(40);
    const asked = Array.from({ length: 100 }, (_, place) => 1 + (place % 60));
    const answers = await Promise.all(asked.map((userId) => issue(source.id, userId)));
    const codes = answers.map(({ status, body }) =>
      status === 201 ? 'ISSUED' : (body as { code: string }).code,
    );
    const count = (code: string) => codes.filter((one) => one === code).length;
    expect(count('ISSUED')).toBe(40);
    expect(count('ISSUED') + count('ALREADY_ISSUED') + count('SOLD_OUT')).toBe(100);
    const { rows } = await pool.query<{ user_id: number; id: number }>('SELECT user_id, id FROM coupons');
    const held = new Map(rows.map(({ user_id, id }) => [user_id, id]));
    expect([rows.length, held.size]).toEqual([40, 40]);
    answers.forEach(({ body, status }, place) => {
      const mine = held.get(asked[place]!);
      const { id, couponId } = body as { id?: number; couponId?: number };
      expect(status === 201 ? id : couponId).toBe(mine);
    });
    expect((await request(app).get('/v1/coupon-sources')).body).toMatchObject({ data: [{ quantity: 0 }] });
  });

  it('knows no source by an unknown id, and no id that is not one', async () => {
    for (const id of [4711, '9223372036854775807']) {
      expect((await issue(id, 1)).body).toMatchObject({ status: 404, code: 'COUPON_SOURCE_NOT_FOUND' });
    }
    for (const id of ['0', '-1', '1.5', '9223372036854775808', 'x']) {
      expect((await issue(id, 1)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
  });

  it('reads every table with every column of its Prisma schema', async () => {
    const { couponSource, coupon, couponApplication, outbox, deadLetter, idempotencyKey } = reader;
    await expect(
      Promise.all([
        couponSource.findFirst(),
        coupon.findFirst(),
        couponApplication.findFirst(),
        outbox.findFirst(),
        deadLetter.findFirst(),
        idempotencyKey.findFirst(),
      ]),
    ).resolves.toHaveLength(6);
  });
});
