import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { createPool } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import request from 'supertest';
import { PrismaClient } from '../generated/prisma/client.ts';
import { listPayments } from './list-payments.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('GET /v1/payments', () => {
  let database: TestDatabase;
  let reader: PrismaClient;
  let app: ReturnType<typeof createHttpApp>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'payment', migrations: MIGRATIONS });
    reader = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, max: 2 }) });
    const pool = createPool({ url: database.url, name: 'tests', max: 1 });
    await pool.query(
      `INSERT INTO payments (user_id, order_id, amount, kind)
       VALUES (1, 10, 12.5, 'PAYMENT'), (2, 11, 1, 'PAYMENT'), (1, 12, 0, 'PAYMENT'), (1, 10, -12.5, 'REFUND')`,
    );
    await pool.end();
    app = createHttpApp({
      routes: [listPayments(reader)],
      // The header is the user id: who may have which token is tested where tokens are checked.
      verifyToken: (user) =>
        Promise.resolve({ userId: Number(user), roles: new Set(), expiresAt: Number.POSITIVE_INFINITY }),
      logger: createLogger({ service: 'payment', level: 'silent' }),
      metrics: createMetrics('payment'),
      checkAnswers: true,
    });
  });

  afterAll(async () => {
    await reader.$disconnect();
    await database.drop();
  });

  const list = async (userId: number, query = '') => {
    const answer = await request(app).get(`/v1/payments${query}`).set('Authorization', String(userId));
    return answer.body as {
      data: { orderId: number; amount: string }[];
      nextCursor: string | null;
      code?: string;
    };
  };

  it('shows own payments and refunds, signed, newest first', async () => {
    const { data, nextCursor } = await list(1);
    expect(data.map(({ orderId, amount }) => [orderId, amount])).toEqual([
      [10, '-12.50'],
      [12, '0.00'],
      [10, '12.50'],
    ]);
    expect(nextCursor).toBeNull();
    expect(data[0]).toEqual({
      id: expect.any(Number),
      orderId: 10,
      userId: 1,
      amount: '-12.50',
      createdAt: expect.stringMatching(/\.\d{3}Z$/),
    });
  });

  it('shows those of one order, and none of another user', async () => {
    expect((await list(1, '?orderId=12')).data).toHaveLength(1);
    expect((await list(1, '?orderId=11')).data).toEqual([]);
    expect((await list(2, '?orderId=11')).data).toHaveLength(1);
    expect((await list(1, '?orderId=9223372036854775807')).data).toEqual([]);
  });

  it('goes on page by page', async () => {
    const first = await list(1, '?limit=2');
    const last = await list(1, `?limit=2&cursor=${first.nextCursor ?? ''}`);
    expect([first.data.length, last.data.length, last.nextCursor]).toEqual([2, 1, null]);
  });

  it.each(['?orderId=0', '?orderId=x', '?limit=0', '?limit=101', '?cursor=x', '?user=2'])(
    'refuses %s',
    async (query) => expect((await list(1, query)).code).toBe('VALIDATION_FAILED'),
  );

  it('reads every table with every column of its Prisma schema', async () => {
    const { payment, paymentAttempt, outbox, deadLetter, idempotencyKey } = reader;
    await expect(
      Promise.all([
        payment.findFirst(),
        paymentAttempt.findFirst(),
        outbox.findFirst(),
        deadLetter.findFirst(),
        idempotencyKey.findFirst(),
      ]),
    ).resolves.toHaveLength(5);
  });
});
