import { afterEach, describe, expect, it } from '@jest/globals';
import { createClient, type OrderflowClient } from './client.ts';
import { isApiProblem, isOrderRefused, isUnreachable } from './errors.ts';
import {
  answer,
  cutOff,
  hang,
  playScenes,
  problem,
  type Scene,
  type ScriptedServer,
} from './scripted-server.test.ts';

let server: ScriptedServer;

afterEach(() => server.close());

async function play(...scenes: readonly Scene[]): Promise<OrderflowClient> {
  server = await playScenes(...scenes);
  return createClient({ baseUrl: `${server.url}/`, token: 'secret' });
}

/** What the promise was rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => new Error(`was answered with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

const order = (status: string, failureReason: string | null = null) => ({ id: 7, status, failureReason });
const REQUEST = { items: [{ productId: 1, quantity: 2 }] } as const;

describe('placing an order', () => {
  it('makes a key for each order and keeps it over retries', async () => {
    const client = await play(cutOff, answer(202, order('CREATED')));
    expect(await client.placeOrder(REQUEST)).toEqual(order('CREATED'));
    await client.placeOrder(REQUEST);
    const [first, second, third] = server.seen.map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      path: '/v1/orders',
      body: JSON.stringify(REQUEST),
    });
    expect(server.seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret' });
    expect(server.seen[0]?.headers).not.toHaveProperty('prefer');
  });

  it('takes a key of the caller’s and asks the server to wait', async () => {
    const client = await play(answer(201, order('PAID')));
    expect(await client.placeOrder(REQUEST, { idempotencyKey: 'mine', waitSeconds: 5 })).toEqual(
      order('PAID'),
    );
    expect(server.seen[0]?.headers).toMatchObject({ 'idempotency-key': 'mine', prefer: 'wait=5' });
  });

  it('is given the time to wait, however short a try may be otherwise', async () => {
    await play((response, request) => {
      setTimeout(() => answer(201, order('PAID'))(response, request), 300);
    });
    const client = createClient({ baseUrl: server.url, retry: { attemptMs: 100 } });
    expect(await client.placeOrder(REQUEST, { waitSeconds: 1 })).toEqual(order('PAID'));
    expect(server.seen).toHaveLength(1);
  });

  it('that is refused while it waits throws OrderRefused, with the order and advice', async () => {
    const client = await play(answer(201, order('CANCELLED', 'PRICE_CHANGED')));
    const error = await failureOf(client.placeOrder(REQUEST, { waitSeconds: 5 }));
    if (!isOrderRefused(error)) throw error as Error;
    expect(error).toMatchObject({
      reason: 'PRICE_CHANGED',
      order: { id: 7 },
      advice: { retry: 'changed', change: 'unitPrice', afterSeconds: null },
    });
  });

  it('for a reason from a newer version is advised like OTHER', async () => {
    const client = await play(answer(201, order('CANCELLED', 'toString')));
    const error = await failureOf(client.placeOrder(REQUEST, { waitSeconds: 1 }));
    expect(error).toMatchObject({ reason: 'toString', advice: { retry: 'no' } });
  });
});

describe('a problem', () => {
  it('carries code, detail, fields, request id and when to come again', async () => {
    const errors = [{ path: '/items', code: 'too_small', message: 'one at least' }];
    const client = await play(problem(400, 'VALIDATION_FAILED', {}, { errors }));
    const error = await failureOf(client.placeOrder({ items: [] }));
    if (!isApiProblem(error)) throw error as Error;
    expect(error).toMatchObject({
      code: 'VALIDATION_FAILED',
      status: 400,
      detail: 'why',
      errors,
      requestId: 'r-1',
      retryAfterSeconds: null,
    });
    expect(error.message).toBe('POST /v1/orders: 400 VALIDATION_FAILED why');
  });

  it('says after how many seconds a next try makes sense', async () => {
    const client = await play(problem(503, 'SATURATED', { 'retry-after': '90' }));
    expect(await failureOf(client.placeOrder(REQUEST))).toMatchObject({
      code: 'SATURATED',
      retryAfterSeconds: 90,
    });
  });

  it('that is somebody else’s page has the code UNKNOWN', async () => {
    const client = await play((response) => {
      response.writeHead(418, { 'x-request-id': 'r-9' }).end('<h1>I am a proxy</h1>');
    });
    expect(await failureOf(client.get('/v1/balance'))).toMatchObject({
      code: 'UNKNOWN',
      status: 418,
      detail: '<h1>I am a proxy</h1>',
      requestId: 'r-9',
      errors: [],
    });
  });

  it('of no answer at all is Unreachable', async () => {
    await play(cutOff);
    const client = createClient({ baseUrl: server.url, retry: false });
    expect(isUnreachable(await failureOf(client.get('/v1/products')))).toBe(true);
  });
});

describe('other writes', () => {
  it('top up under one key', async () => {
    const client = await play(cutOff, answer(201, { recordId: 1, amount: '25.00', balance: '25.00' }));
    expect(await client.topUp('25.00')).toMatchObject({ balance: '25.00' });
    const [first, second] = server.seen;
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(second?.body).toBe('{"amount":"25.00"}');
  });

  it('cancel again after a lost answer: that changes nothing', async () => {
    const client = await play(cutOff, answer(202, order('CANCELLING')));
    expect(await client.cancelOrder(7)).toEqual(order('CANCELLING'));
    expect(server.seen.map(({ path }) => path)).toEqual(['/v1/orders/7/cancel', '/v1/orders/7/cancel']);
  });

  it('find the coupon again that was issued by a request whose answer got lost', async () => {
    const issued = problem(409, 'ALREADY_ISSUED', {}, { couponId: 5 });
    const page = answer(200, { data: [{ id: 6 }, { id: 5 }], nextCursor: null });
    const client = await play(cutOff, issued, page);
    expect(await client.issueCoupon(3)).toEqual({ id: 5 });
    expect(server.seen.at(-1)?.path).toBe('/v1/coupons');
  });

  it('say ALREADY_ISSUED when no answer was lost', async () => {
    const issued = problem(409, 'ALREADY_ISSUED', {}, { couponId: 5 });
    const client = await play(issued, answer(200, { data: [{ id: 5 }], nextCursor: null }));
    expect(await failureOf(client.issueCoupon(3))).toMatchObject({
      code: 'ALREADY_ISSUED',
      body: { couponId: 5 },
    });
  });
});

describe('a list', () => {
  it('is read to its end, a page when it is needed', async () => {
    const client = await play(
      answer(200, { data: [{ id: 3 }, { id: 2 }], nextCursor: 'a b&c' }),
      answer(200, { data: [{ id: 1 }], nextCursor: null }),
    );
    const ids: number[] = [];
    for await (const { id } of client.listAll('/v1/orders', { params: { query: { limit: 2 } } })) {
      ids.push(id);
      expect(server.seen).toHaveLength(ids.length > 2 ? 2 : 1);
    }
    expect(ids).toEqual([3, 2, 1]);
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/v1/orders?limit=2',
      '/v1/orders?limit=2&cursor=a%20b%26c',
    ]);
  });
});

describe('requests by path', () => {
  it('fill in the path and end with the caller’s signal', async () => {
    const client = await play(answer(200, { id: 7 }), hang);
    expect(await client.get('/v1/products/{id}', { params: { path: { id: 7 } } })).toEqual({ id: 7 });
    expect(server.seen[0]?.path).toBe('/v1/products/7');
    const signal = AbortSignal.abort(new Error('enough'));
    const error = await failureOf(client.get('/v1/products/{id}', { params: { path: { id: 7 } }, signal }));
    expect(error).toMatchObject({ message: 'enough' });
  });

  it('are sent again without a key only when the caller says so', async () => {
    const client = await play(cutOff, answer(201, { id: 1 }), cutOff);
    expect(await client.post('/v1/users', { body: { name: 'Ada' }, resend: true })).toEqual({ id: 1 });
    expect(isUnreachable(await failureOf(client.post('/v1/users', { body: { name: 'Ada' } })))).toBe(true);
    expect(server.seen).toHaveLength(3);
  });

  it('give status and headers through openapi-fetch’s own client', async () => {
    const client = await play(problem(503, 'UNAVAILABLE'), problem(404, 'USER_NOT_FOUND'));
    const { data, error, response } = await client.http.GET('/v1/balance');
    expect({ data, error, status: response.status }).toMatchObject({
      data: undefined,
      error: { code: 'USER_NOT_FOUND' },
      status: 404,
    });
  });
});
