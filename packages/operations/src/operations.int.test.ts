import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { park, type ParkedMessage } from '@orderflow/messaging/dead-letters';
import { messageOutbox, type HandOver } from '@orderflow/messaging/outbox';
import { createPool, DatabaseAway, transaction } from '@orderflow/messaging/postgres';
import { replayDeadLetter } from '@orderflow/messaging/replay';
import { defineStep, type Step } from '@orderflow/messaging/step';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { OrderCreated } from '@orderflow/shared-events/order';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCreated, toDeliveries } from '@orderflow/testing/events';
import type pg from 'pg';
import request from 'supertest';
import { registerGauges } from './gauges.ts';
import { operatorRoutes } from './operations.ts';
import type { Operated } from './operated.ts';

/** A step that inserts a row an order; order 13 is a bug, 14 a database that is away. */
const BUG = 13;
const AWAY = 14;
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
  save: async (tx, facts) => {
    await tx.query('INSERT INTO noted SELECT unnest($1::bigint[])', [facts.map(({ orderId }) => orderId)]);
  },
}) as unknown as Step;

const OPERATOR = 9;

describe("a service's operator routes", () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let owner: pg.Pool;
  let reports: pg.Pool;
  let app: ReturnType<typeof createHttpApp>;
  let operated: Operated;
  const resumed: string[] = [];
  const lag = jest.fn<Operated['kit']['lag']>();

  beforeAll(async () => {
    const migrations = new URL('../../../services/payment/prisma/migrations', import.meta.url).pathname;
    database = await createTestDatabase({ name: 'payment', migrations });
    pool = createPool({ url: database.url, name: 'tests' });
    owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 2 });
    reports = createPool({ url: database.url, name: 'tests reports', max: 1, reports: true });
    await owner.query('CREATE TABLE noted (order_id BIGINT CONSTRAINT noted_pkey PRIMARY KEY)');
    const handOver = jest.fn<HandOver>();
    operated = {
      service: 'payment',
      kit: {
        pool,
        lag,
        replay: (name, id, options) =>
          name === noteOrders.name
            ? replayDeadLetter({ step: noteOrders, pool, outbox: messageOutbox, handOver }, id, options)
            : Promise.resolve({ refused: 'STEP_NOT_FOUND' as const, why: 'no such step' }),
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
    app = createHttpApp({
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
  });
  afterAll(async () => {
    await Promise.all([pool.end(), owner.end(), reports.end()]);
    await database.drop();
  });
  beforeEach(async () => {
    await owner.query('TRUNCATE dead_letters, operator_actions, noted, outbox, payments RESTART IDENTITY');
  });

  const get = (path: string) => request(app).get(path).set('Authorization', 'operator');
  const post = (path: string, body: object) =>
    request(app).post(path).set('Authorization', 'operator').send(body);
  const replay = (body: object) =>
    post('/v1/ops/dead-letters/replay', { service: 'payment', reason: 'mended', ...body });
  const discard = (body: object) =>
    post('/v1/ops/dead-letters/discard', { service: 'payment', reason: 'worthless', ...body });

  /** Parks a message for each order; ids are 1, 2 … in their order. */
  async function parked(
    orderIds: readonly number[],
    more: Partial<ParkedMessage> = {},
    step = noteOrders.name,
  ) {
    const messages = toDeliveries(orderIds.map((orderId) => orderCreated({ orderId })));
    await transaction(pool, (tx) =>
      park(
        tx,
        step,
        messages.map((message) => ({ message, reason: 'FAULT', error: 'a bug', ...more })),
      ),
    );
  }
  const open = async () =>
    (
      await owner.query<{ id: number }>('SELECT id FROM dead_letters WHERE closed_at IS NULL ORDER BY id')
    ).rows.map(({ id }) => id);
  const noted = async () =>
    (await owner.query<{ id: number }>('SELECT order_id AS id FROM noted ORDER BY 1')).rows.map(
      ({ id }) => id,
    );
  const actions = async () =>
    (await owner.query('SELECT subject, action, request, outcome FROM operator_actions ORDER BY id')).rows;

  it('are for operators only', async () => {
    for (const { method, path } of operatorRoutes(operated)) {
      const url = path.replace('{service}', 'payment').replace('{id}', '1').replace('{step}', 'payment.note');
      const call = method === 'GET' ? request(app).get(url) : request(app).post(url).send({});
      const { status, body } = await call.set('Authorization', 'user');
      expect([url, status, body.code]).toEqual([url, 403, 'FORBIDDEN']);
    }
  });

  it('tell the state of the outbox and the lag of the steps', async () => {
    expect((await get('/v1/ops/outbox')).body).toEqual({
      data: [
        {
          service: 'payment',
          pendingRows: 2,
          oldestAgeSeconds: 3.5,
          publishedPerSecond: 7,
          failingSince: '2026-11-22T10:00:00.000Z',
        },
      ],
      nextCursor: null,
      unavailable: [],
    });
    const line = { step: 'payment.note', topic: 'order-created', partition: 0, lag: 4, endOffset: '9' };
    lag.mockResolvedValueOnce([{ ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: null }]);
    expect((await get('/v1/ops/lag')).body.data).toEqual([
      { service: 'payment', ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: null },
    ]);
    lag.mockRejectedValueOnce(Object.assign(new Error('broker away'), { code: 'BROKER_AWAY' }));
    expect((await get('/v1/ops/lag')).status).toBe(503);
  });

  it('list dead letters page by page, and none for another service', async () => {
    await parked([1, 2, 3]);
    const first = await get('/v1/ops/dead-letters?limit=2');
    expect(first.body.data.map(({ id }: { id: number }) => id)).toEqual([3, 2]);
    expect(first.body.data[0]).toMatchObject({
      service: 'payment',
      step: 'payment.note',
      topic: 'order-created',
      key: { encoding: 'utf8', text: '3' },
      eventId: 'order-created/3',
      reason: 'FAULT',
      closedAt: null,
    });
    const last = await get(`/v1/ops/dead-letters?limit=2&cursor=${first.body.nextCursor}`);
    expect([last.body.data.length, last.body.nextCursor]).toEqual([1, null]);
    expect((await get('/v1/ops/dead-letters?service=order')).body.data).toEqual([]);
    expect((await get('/v1/ops/dead-letters?reason=SCHEMA')).body.data).toEqual([]);
  });

  it('show one whole: text as text, other bytes in base64', async () => {
    const [message] = toDeliveries([orderCreated({ orderId: 1 })]);
    const headers = { ...message!.headers, trace: Buffer.from([0xff, 0x00]) };
    const binary = { ...message!, headers, key: null, value: Buffer.from([0xfe, 0xff]) };
    await parked([1]);
    await parked([], {});
    await transaction(pool, (tx) =>
      park(tx, 'payment.note', [{ message: { ...binary, offset: '77' }, reason: 'UNPARSEABLE', error: 'x' }]),
    );
    const text = (await get('/v1/ops/dead-letters/payment/1')).body;
    expect(JSON.parse(text.value.text)).toMatchObject({ orderId: 1 });
    const { body } = await get('/v1/ops/dead-letters/payment/2');
    expect(body).toMatchObject({ key: null, value: { encoding: 'base64', text: '/v8=' } });
    expect(body.headers).toContainEqual({ name: 'trace', value: { encoding: 'base64', text: '/wA=' } });
    expect(body.headers).toContainEqual({
      name: 'ce_id',
      value: { encoding: 'utf8', text: 'order-created/1' },
    });
    for (const path of ['payment/3', 'order/1']) {
      const missing = await get(`/v1/ops/dead-letters/${path}`);
      expect([missing.status, missing.body.code]).toEqual([404, 'DEAD_LETTER_NOT_FOUND']);
    }
  });

  describe('replay', () => {
    it('what is named: each ends as it would, is closed with who and why, and is written down once', async () => {
      await parked([1, BUG, 2]);
      await owner.query('UPDATE dead_letters SET value = $1 WHERE id = 3', [Buffer.from('{bad')]);
      const { status, body } = await replay({ ids: [1, 2, 3, 99] });
      expect(status).toBe(200);
      expect(body).toEqual({
        service: 'payment',
        dryRun: false,
        matched: 3,
        remaining: 0,
        nextAfter: null,
        replayed: 1,
        noEffect: 0,
        refused: [
          { id: 99, code: 'DEAD_LETTER_NOT_FOUND', why: 'there is no open dead letter 99' },
          { id: 2, code: 'FAULT', why: 'a bug in decide' },
          { id: 3, code: 'UNPARSEABLE', why: expect.any(String) },
        ],
      });
      expect([await noted(), await open()]).toEqual([[1], [2, 3]]);
      const { rows } = await owner.query('SELECT outcome, closed_by, note FROM dead_letters WHERE id = 1');
      expect(rows).toEqual([{ outcome: 'REPLAYED', closed_by: '9', note: 'mended' }]);
      expect(await actions()).toEqual([
        {
          subject: OPERATOR,
          action: 'dead-letters.replay',
          request: { service: 'payment', ids: [1, 2, 3, 99], dryRun: false, reason: 'mended' },
          outcome: expect.objectContaining({ replayed: 1, noEffect: 0, ids: [1, 2, 3] }),
        },
      ]);
    });

    it('what matches a filter; a dry run says the same and changes nothing', async () => {
      await parked([1, 2]);
      await parked([3], { reason: 'SCHEMA' }, 'payment.note2');
      const dry = await replay({ filter: { step: 'payment.note' }, dryRun: true });
      expect(dry.body).toMatchObject({ dryRun: true, matched: 2, replayed: 2, remaining: 0, refused: [] });
      expect([await noted(), await open(), await actions()]).toEqual([[], [1, 2, 3], []]);
      const wet = await replay({ filter: { step: 'payment.note' } });
      expect(wet.body).toMatchObject({ dryRun: false, matched: 2, replayed: 2, remaining: 0, refused: [] });
      expect([await noted(), await open()]).toEqual([[1, 2], [3]]);
    });

    it('no step that this release does not have', async () => {
      await parked([1], {}, 'payment.gone');
      expect((await replay({ filter: { step: 'payment.gone' } })).body).toMatchObject({
        matched: 1,
        replayed: 0,
        refused: [{ id: 1, code: 'STEP_NOT_FOUND' }],
      });
    });

    it('nothing older than 21 days: a 409 for one, counted among several', async () => {
      await parked([1, 2]);
      await owner.query(`UPDATE dead_letters SET parked_at = now() - interval '22 days' WHERE id = 1`);
      const one = await replay({ ids: [1] });
      expect([one.status, one.body.code]).toEqual([409, 'TOO_OLD']);
      expect((await replay({ filter: { reason: 'FAULT' } })).body).toMatchObject({
        replayed: 1,
        refused: [{ id: 1, code: 'TOO_OLD' }],
      });
      expect(await open()).toEqual([1]);
    });

    it('one that is not there: a 404; nor one of another service', async () => {
      expect((await replay({ ids: [1] })).body).toMatchObject({ status: 404, code: 'DEAD_LETTER_NOT_FOUND' });
      expect((await replay({ service: 'order', ids: [1] })).body).toMatchObject({
        code: 'DEAD_LETTER_NOT_FOUND',
      });
    });

    it('no faster than asked', async () => {
      await parked([1, 2, 3, 4, 5]);
      const started = performance.now();
      expect((await replay({ filter: { reason: 'FAULT' }, ratePerSecond: 20 })).body.replayed).toBe(5);
      expect(performance.now() - started).toBeGreaterThanOrEqual(200);
    });

    it('until a backend is away: what is left remains, and goes on after the last', async () => {
      await parked([1, 2, AWAY, 4]);
      const { body } = await replay({ filter: { reason: 'FAULT' } });
      expect(body).toMatchObject({ matched: 4, replayed: 2, remaining: 2, nextAfter: 2 });
      expect((await replay({ filter: { reason: 'FAULT' }, after: 2 })).status).toBe(503);
      expect((await replay({ filter: { reason: 'FAULT' }, after: 3 })).body).toMatchObject({
        matched: 1,
        replayed: 1,
        nextAfter: null,
      });
      expect(await open()).toEqual([3]);
    });
  });

  describe('discard', () => {
    it('closes what is named or matches, writes it down, and runs nothing', async () => {
      await parked([1, 2, 3]);
      expect((await discard({ ids: [1], dryRun: true })).body).toMatchObject({ matched: 1, discarded: 1 });
      expect([await open(), await actions()]).toEqual([[1, 2, 3], []]);
      expect((await discard({ ids: [1] })).body).toMatchObject({ discarded: 1, remaining: 0, refused: [] });
      expect((await discard({ ids: [1] })).status).toBe(404);
      expect((await discard({ ids: [1, 2] })).body).toMatchObject({ discarded: 1, refused: [{ id: 1 }] });
      expect((await discard({ filter: { topic: 'order-created' } })).body).toMatchObject({ discarded: 1 });
      expect([await open(), await noted()]).toEqual([[], []]);
      expect((await actions()).map(({ action, outcome }) => [action, outcome])).toEqual([
        ['dead-letters.discard', { ids: [1] }],
        ['dead-letters.discard', { ids: [2] }],
        ['dead-letters.discard', { ids: [3] }],
      ]);
    });

    it('goes on with the next thousand', async () => {
      await parked(Array.from({ length: 1_002 }, (_, at) => 100 + at));
      const first = await discard({ filter: { reason: 'FAULT' } });
      expect(first.body).toMatchObject({ matched: 1_002, discarded: 1_000, remaining: 2, nextAfter: 1_000 });
      const rest = await discard({ filter: { reason: 'FAULT' }, after: first.body.nextAfter });
      expect(rest.body).toMatchObject({ matched: 2, discarded: 2, remaining: 0, nextAfter: null });
    });
  });

  it.each<[string, object]>([
    ['neither ids nor a filter', {}],
    ['both', { ids: [1], filter: { step: 'a' } }],
    ['an empty filter', { filter: {} }],
    ['no ids', { ids: [] }],
    ['more ids than a request may name', { ids: Array.from({ length: 1_001 }, (_, at) => at + 1) }],
    ['no reason', { ids: [1], reason: '  ' }],
    ['an unknown field', { ids: [1], force: true }],
    ['an unknown reason to filter by', { filter: { reason: 'ODD' } }],
  ])('refuse to act with %s', async (_, body) => {
    for (const answer of [await replay(body), await discard(body)]) {
      expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    }
  });

  it('resume a step by name, and write it down', async () => {
    expect((await post('/v1/ops/steps/payment.note/resume', {})).status).toBe(202);
    expect(resumed).toEqual(['payment.note']);
    const unknown = await post('/v1/ops/steps/payment.unknown/resume', {});
    expect([unknown.status, unknown.body.code]).toEqual([404, 'STEP_NOT_FOUND']);
    expect(await actions()).toEqual([
      { subject: 9, action: 'steps.resume', request: { step: 'payment.note' }, outcome: { resumed: true } },
    ]);
  });

  it('show the books: violations with ten examples, totals, what is unpublished', async () => {
    await owner.query(
      `INSERT INTO payments (user_id, order_id, amount, kind)
       SELECT 1, o, -1, 'REFUND' FROM generate_series(1, 12) o UNION ALL SELECT 1, 99, 20.5, 'PAYMENT'`,
    );
    await owner.query(`INSERT INTO outbox (messages) VALUES ('[]')`);
    const { body } = await get('/v1/ops/reconciliation');
    expect(body).toMatchObject({ ok: false, atRest: false, totalsAgree: null, unavailable: [] });
    const [books] = body.services;
    expect(books).toMatchObject({
      service: 'payment',
      totals: [{ name: 'payments', amount: '8.50' }],
      unpublishedRows: 1,
      openOrders: null,
    });
    expect(books.invariants[0]).toMatchObject({ id: 'I6', checked: 13, violations: 12 });
    expect(books.invariants[0].examples).toHaveLength(10);
    expect(books.invariants[0].examples[0]).toEqual({ subject: 'order 1', row: { amount: '-1.00' } });
  });

  it('read the books without a way to write them', async () => {
    await expect(reports.query('DELETE FROM outbox')).rejects.toThrow('read-only transaction');
    const { rows } = await reports.query('SHOW transaction_isolation');
    expect(rows).toEqual([{ transaction_isolation: 'repeatable read' }]);
  });

  it('keep the record of actions from the service itself', async () => {
    for (const sql of [
      'UPDATE operator_actions SET subject = 1',
      'DELETE FROM operator_actions',
      'TRUNCATE operator_actions',
    ]) {
      await expect(pool.query(sql)).rejects.toThrow('permission denied');
    }
  });

  it('have their figures in the metrics, and none while a backend does not tell them', async () => {
    await parked([1, 2]);
    const metrics = createMetrics('payment');
    registerGauges(metrics, operated);
    const line = { step: 'payment.note', topic: 'order-created', partition: 3, lag: 4, endOffset: '9' };
    lag.mockResolvedValueOnce([{ ...line, committedOffset: '5', ratePerSecond: 2, catchUpSeconds: 1 }]);
    const text = await metrics.registry.metrics();
    expect(text).toContain('outbox_pending_messages{service="payment"} 2');
    expect(text).toContain('outbox_oldest_pending_age_seconds{service="payment"} 3.5');
    expect(text).toContain('dead_letters{step="payment.note",reason="FAULT",service="payment"} 2');
    expect(text).toContain(
      'kafka_consumergroup_lag{consumergroup="payment.note",topic="order-created",partition="3",service="payment"} 4',
    );
    lag.mockRejectedValueOnce(new Error('broker away'));
    expect(await metrics.registry.metrics()).not.toContain('kafka_consumergroup_lag{');
  });
});
