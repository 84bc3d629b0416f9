import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { buy, newProduct, newUser, placeUnder } from './people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

interface RawAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly body: { readonly code?: string; readonly status?: number; readonly requestId?: string };
}

interface RawRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

const LINE = { productId: 1, quantity: 1 };

/** What each wrong request of an order must be answered with. */
const WRONG: ReadonlyArray<[title: string, request: RawRequest, status: number, code: string]> = [
  ['malformed JSON', { body: '{"items": [' }, 400, 'MALFORMED_JSON'],
  ['a duplicate key', { body: '{"items": [], "items": []}' }, 400, 'MALFORMED_JSON'],
  ['an unknown field', { body: JSON.stringify({ items: [LINE], userId: 7 }) }, 400, 'VALIDATION_FAILED'],
  [
    'a wrong type',
    { body: JSON.stringify({ items: [{ ...LINE, quantity: '1' }] }) },
    400,
    'VALIDATION_FAILED',
  ],
  ['no items', { body: JSON.stringify({ items: [] }) }, 400, 'VALIDATION_FAILED'],
  [
    'a quantity of 0',
    { body: JSON.stringify({ items: [{ ...LINE, quantity: 0 }] }) },
    400,
    'VALIDATION_FAILED',
  ],
  [
    'a quantity of 1001',
    { body: JSON.stringify({ items: [{ ...LINE, quantity: 1001 }] }) },
    400,
    'VALIDATION_FAILED',
  ],
  ['a product twice', { body: JSON.stringify({ items: [LINE, LINE] }) }, 400, 'DUPLICATE_PRODUCT'],
  [
    '51 items',
    {
      body: JSON.stringify({
        items: Array.from({ length: 51 }, (_, i) => ({ productId: i + 1, quantity: 1 })),
      }),
    },
    400,
    'VALIDATION_FAILED',
  ],
  ['no Idempotency-Key', { headers: { 'idempotency-key': '' } }, 400, 'IDEMPOTENCY_KEY_REQUIRED'],
  ['another media type', { headers: { 'content-type': 'text/plain' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [
    '40 KB of it',
    { body: JSON.stringify({ items: [LINE], couponId: 1, x: 'x'.repeat(40_000) }) },
    413,
    'BODY_TOO_LARGE',
  ],
  ['no token', { headers: { authorization: '' } }, 401, 'UNAUTHENTICATED'],
  ['a token of nobody', { headers: { authorization: 'Bearer abc.def.ghi' } }, 401, 'UNAUTHENTICATED'],
  [
    'a method the route does not know',
    { path: '/v1/orders/1/cancel', method: 'DELETE' },
    405,
    'METHOD_NOT_ALLOWED',
  ],
  ['a path nobody knows', { path: '/v1/nothing', method: 'GET' }, 404, 'ROUTE_NOT_FOUND'],
  ['an id that is none', { path: '/v1/orders/1e3', method: 'GET' }, 400, 'VALIDATION_FAILED'],
  ['an order nobody placed', { path: '/v1/orders/999999999', method: 'GET' }, 404, 'ORDER_NOT_FOUND'],
  ['an unknown query parameter', { path: '/v1/orders?sort=id', method: 'GET' }, 400, 'VALIDATION_FAILED'],
  ['a role the caller lacks', { path: '/v1/users', body: JSON.stringify({ name: 'Eve' }) }, 403, 'FORBIDDEN'],
];

async function tokenFor(gateway: string, userId: number): Promise<string> {
  const answer = await fetch(`${gateway}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId }),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

async function raw(gateway: string, request: RawRequest): Promise<RawAnswer> {
  const { path = '/v1/orders', method = 'POST', body = JSON.stringify({ items: [LINE] }) } = request;
  const headers = new Headers({
    'content-type': 'application/json',
    'idempotency-key': randomUUID(),
    authorization: `Bearer ${await tokenFor(gateway, 4711)}`,
  });
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value === '') headers.delete(name);
    else headers.set(name, value);
  }
  const response = await fetch(`${gateway}${path}`, {
    method,
    headers,
    ...(method === 'POST' ? { body } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: JSON.parse(text) as RawAnswer['body'],
  };
}

/** Wrong requests and repeated ones. */
export function describeRequests(stack: () => RunningStack): void {
  describe('a wrong request', () => {
    it.each(WRONG)('with %s is a problem, never a fault', async (_title, request, status, code) => {
      const answer = await raw(stack().current().gateway, request);
      expect(answer).toMatchObject({ status, body: { status, code } });
      expect(answer.type).toContain('application/problem+json');
      expect(answer.body.requestId).toEqual(expect.any(String));
    });

    it('leaves no order behind', async () => {
      const rows = await stack().sql('order', 'SELECT id FROM orders WHERE user_id = 4711');
      expect(rows).toEqual([]);
    });
  });

  describe('an Idempotency-Key', () => {
    it('makes one order of a request sent five times at once, and answers all alike', async () => {
      const [user, product] = await Promise.all([newUser(stack(), '100.00'), newProduct(stack())]);
      const send = () => placeUnder(user, 'order-1', buy(product));
      const answers = await Promise.all([send(), send(), send(), send(), send()]);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      const late = await send();
      expect(late).toMatchObject({ status: 202, body: answers[0]?.body });
      expect(late.headers.get('idempotency-replayed')).toBe('true');
      expect(late.headers.get('location')).toBe(`/v1/orders/${late.body.id}`);
      const { data } = await user.get('/v1/orders');
      expect(data.map(({ id }) => id)).toEqual([late.body.id]);
    });

    it('of another body is refused', async () => {
      const [user, product] = await Promise.all([newUser(stack(), '100.00'), newProduct(stack())]);
      const send = (quantity: number) => placeUnder(user, 'order-1', buy(product, quantity));
      expect(await send(1)).toMatchObject({ status: 202 });
      expect(await send(2)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    });

    it('belongs to one user', async () => {
      const product = await newProduct(stack());
      const users = await Promise.all([newUser(stack(), '100.00'), newUser(stack(), '100.00')]);
      const answers = await Promise.all(users.map((user) => placeUnder(user, 'order-1', buy(product))));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(2);
    });
  });
}
