import { jest } from '@jest/globals';
import { park, type ParkedMessage } from '@orderflow/messaging/dead-letters';
import { messageOutbox, type HandOver } from '@orderflow/messaging/outbox';
import { createPool, DatabaseAway, transaction } from '@orderflow/messaging/postgres';
import { replayDeadLetter } from '@orderflow/messaging/replay';
import { defineStep, type Step } from '@orderflow/messaging/step';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { OrderCreated } from '@orderflow/shared-events/order';
import { createTestDatabase } from '@orderflow/testing/database';
import { orderCreated, toDeliveries } from '@orderflow/testing/events';
import request from 'supertest';
import type { Operated } from './operated.ts';
import { operatorRoutes } from './operations.ts';

/** A step that inserts a row an order; order 13 is a bug, 14 a database that is away. */
export const BUG = 13;
export const AWAY = 14;
const noteOrders = defineStep({
  name: 'payment.note',
  on: [OrderCreated],
  emits: [],
  fences: ['noted_pkey'],
  load: async () => new Set<number>(),
  decide: (noted: Set<number>, { data: { orderId } }) => {
    if (orderId === BUG) throw new TypeError('a bug in decide');
    if (orderId === AWAY) throw new DatabaseAway('the host has vanished');
    return noted.has(orderId) ? [] : [{ type: 'noted', orderId } as const];
  },
  evolve: (noted) => noted,
  save: (tx, facts) =>
    void tx.send('INSERT INTO noted SELECT unnest($1::bigint[])', [facts.map(({ orderId }) => orderId)]),
}) as unknown as Step;

export const OPERATOR = 9;

const MIGRATIONS = new URL('../../../services/payment/prisma/migrations', import.meta.url).pathname;

/** The payment service as its operators see it: its database and one step of the tests' own, no Kafka. */
export async function openOperated() {
  const database = await createTestDatabase({ name: 'payment', migrations: MIGRATIONS });
  const pool = createPool({ url: database.url, name: 'tests' });
  const owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
  const reports = createPool({ url: database.url, name: 'tests reports', max: 1, reports: true });
  await owner.query('CREATE TABLE noted (order_id BIGINT CONSTRAINT noted_pkey PRIMARY KEY)');
  const resumed: string[] = [];
  const lag = jest.fn<Operated['kit']['lag']>();
  const context = { step: noteOrders, pool, outbox: messageOutbox, handOver: jest.fn<HandOver>() };
  const operated: Operated = {
    service: 'payment',
    kit: {
      pool,
      lag,
      replay: async (name, id, options) =>
        name === noteOrders.name
          ? replayDeadLetter(context, id, options)
          : { refused: 'STEP_NOT_FOUND', why: 'no such step' },
      resume: (name) => name === noteOrders.name && resumed.push(name) > 0,
      outboxStatus: async () => ({
        pendingRows: 2,
        oldestAgeSeconds: 3.5,
        publishedPerSecond: 7,
        failingSince: new Date('2026-11-22T10:00:00.000Z'),
      }),
    },
    reports,
    books: {
      invariants: [
        {
          id: 'I6',
          promise: 'no negative payments stay',
          unit: 'payments',
          checked: 'SELECT count(*) AS count FROM payments',
          violations: `SELECT 'order ' || order_id AS subject, amount::text AS amount FROM payments WHERE amount < 0 ORDER BY id`,
        },
      ],
      totals: [{ name: 'payments', amount: 'SELECT sum(amount) FROM payments' }],
    },
  };
  const app = createHttpApp({
    routes: operatorRoutes(operated),
    // The header says the role: who may have which token is tested where tokens are checked.
    verifyToken: (role) =>
      Promise.resolve({
        userId: OPERATOR,
        roles: new Set(role === 'operator' ? (['operator'] as const) : []),
        expiresAt: Number.POSITIVE_INFINITY,
      }),
    logger: createLogger({ service: 'payment', level: 'silent' }),
    metrics: createMetrics('payment'),
    checkAnswers: true,
  });
  const ids = async (sql: string) => (await owner.query<{ id: number }>(sql)).rows.map(({ id }) => id);
  const post = (path: string, body: object) =>
    request(app).post(path).set('Authorization', 'operator').send(body);

  return {
    app,
    operated,
    pool,
    owner,
    reports,
    lag,
    resumed,
    get: (path: string) => request(app).get(path).set('Authorization', 'operator'),
    post,
    replay: (body: object) =>
      post('/v1/ops/dead-letters/replay', { service: 'payment', reason: 'mended', ...body }),
    discard: (body: object) =>
      post('/v1/ops/dead-letters/discard', { service: 'payment', reason: 'worthless', ...body }),

    /** Parks a message for each order; ids are 1, 2 … in their order. */
    async parked(
      orderIds: readonly number[],
      more: Partial<ParkedMessage> = {},
      step = noteOrders.name,
    ): Promise<void> {
      const messages = toDeliveries(orderIds.map((orderId) => orderCreated({ orderId })));
      await transaction(pool, (tx) =>
        park(
          tx,
          step,
          messages.map((message) => ({ message, reason: 'FAULT', error: 'a bug', ...more })),
        ),
      );
    },
    open: () => ids('SELECT id FROM dead_letters WHERE closed_at IS NULL ORDER BY id'),
    noted: () => ids('SELECT order_id AS id FROM noted ORDER BY 1'),
    actions: async () =>
      (await owner.query('SELECT subject, action, request, outcome FROM operator_actions ORDER BY id')).rows,
    clear: () =>
      owner.query('TRUNCATE dead_letters, operator_actions, noted, outbox, payments RESTART IDENTITY'),
    async close(): Promise<void> {
      await Promise.all([pool.end(), owner.end(), reports.end()]);
      await database.drop();
    },
  };
}

export type OperatedService = Awaited<ReturnType<typeof openOperated>>;
