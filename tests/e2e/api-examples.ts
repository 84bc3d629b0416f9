import { afterAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import { apiDocument, differences, operations, type Operation } from './api-document.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { publish } from './topics.ts';

/**
 * The documented examples in an order in which each finds what it names: on a new stack the first user, product,
 * coupon and order all have the id 1.
 */
const STORY = [
  ...['createLocalToken', 'getSigningKeys', 'createUser', 'getUser'],
  ...['topUpBalance', 'getBalance', 'listBalanceRecords'],
  ...['createProduct', 'getProduct', 'listProducts', 'updateProduct', 'adjustStock'],
  ...['createCouponSource', 'listCouponSources', 'issueCoupon', 'listCoupons'],
  ...['placeOrder', 'streamOrder', 'getOrder', 'listOrders', 'listOrderEvents', 'listPayments'],
  ...['listPopularProducts', 'listDailySales', 'cancelOrder'],
  ...['getSaga', 'listStuckOrders', 'nudgeOrder', 'listOutboxes', 'listLag', 'getReconciliation'],
  ...['listDeadLetters', 'getDeadLetter', 'replayDeadLetters', 'discardDeadLetters', 'resumeStep'],
];

/** The examples that cannot come true: only an order whose participants do not answer can be nudged. */
const REFUSED: Readonly<Record<string, number>> = { nudgeOrder: 409 };

interface Change {
  readonly token?: string | null;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

async function tokenOf(gateway: string, roles: readonly string[]): Promise<string> {
  const response = await fetch(`${gateway}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: 1, roles }),
  });
  return ((await response.json()) as { accessToken: string }).accessToken;
}

/** Sends the documented example as user 1 with the role it needs; `change` makes it another request. */
async function call(gateway: string, operation: Operation, change: Change = {}) {
  const { method, parameters, role } = operation;
  const { body = operation.body } = change;
  const valueOf = (name: string) => String(parameters.find((given) => given.name === name)?.example);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => valueOf(name));
  const { token = role === null ? null : await tokenOf(gateway, role === '' ? [] : [role]) } = change;
  const required = parameters.filter((given) => given.in === 'header' && given.name === 'Idempotency-Key');
  const response = await fetch(`${gateway}${path}${change.query ?? ''}`, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...Object.fromEntries(required.map(({ name, example }) => [name, String(example)])),
      ...change.headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  return { response, text: await response.text() };
}

/** One message that no step can take, parked as the first dead letter of the order service. */
async function parkOne(stack: RunningStack): Promise<void> {
  const record = { topic: 'stock-rejected', key: Buffer.from('1'), value: Buffer.from('{'), headers: {} };
  await publish(stack, [record]);
  const parked = async () => (await stack.sql('order', 'SELECT id FROM dead_letters')).length === 1;
  await waitUntil(parked, { what: 'a dead letter' });
}

/** The cancelled order of the story has given everything back. */
async function untilCancelled(stack: RunningStack): Promise<void> {
  const over = async () => {
    const [order] = await stack.sql<{ status: string }>('order', 'SELECT status FROM orders WHERE id = 1');
    return order?.status === 'CANCELLED';
  };
  await waitUntil(over, { what: 'the end of order 1' });
}

/** What must have happened before an example is sent. */
const BEFORE: Readonly<Record<string, (stack: RunningStack) => Promise<void>>> = {
  nudgeOrder: untilCancelled,
  listDeadLetters: parkOne,
};

/** Runs first, on a stack that nobody has used. */
export function describeApiExamples(stack: () => RunningStack): void {
  const gateway = () => stack().current().gateway;
  const all = [...operations.values()];

  describe('the API document', () => {
    // Wrong requests name the first dead letter as one that nobody has.
    afterAll(() => stack().sql('order', 'DELETE FROM dead_letters WHERE id = 1'));

    it('is what the gateway shows, to anyone', async () => {
      const response = await fetch(`${gateway()}/openapi.json`);
      expect(await response.json()).toEqual(apiDocument);
    });

    it('has an example of each route that is called here', () => {
      expect([...STORY].sort()).toEqual([...operations.keys()].sort());
    });

    it.each(STORY)('tells the truth about %s', async (operationId) => {
      const operation = operations.get(operationId) as Operation;
      await BEFORE[operationId]?.(stack());
      const { response, text } = await call(gateway(), operation);
      expect(differences(operation, response, text)).toEqual([]);
      const refused = REFUSED[operationId];
      if (refused === undefined) expect(response.ok).toBe(true);
      else expect(response.status).toBe(refused);
    });

    it('tells the truth about a dead letter that is discarded in earnest', async () => {
      const discard = operations.get('discardDeadLetters') as Operation;
      const body = { ...(discard.body as object), dryRun: false };
      const { response, text } = await call(gateway(), discard, { body });
      expect(differences(discard, response, text)).toEqual([]);
      expect(JSON.parse(text)).toMatchObject({ discarded: 1 });
    });

    it('tells the truth about an order that is waited for, and sent again with its key', async () => {
      const place = operations.get('placeOrder') as Operation;
      const { response, text } = await call(gateway(), place, { headers: { Prefer: 'wait=5' } });
      expect(differences(place, response, text)).toEqual([]);
      expect(response.status).toBe(201);
      expect(response.headers.get('idempotency-replayed')).toBe('true');
      expect(response.headers.get('preference-applied')).toBe('wait=5');
    });

    it('tells the truth about a request with a parameter nobody knows', async () => {
      for (const operation of all) await expectProblem(operation, { query: '?nobody=knows' }, 400);
    });

    it('tells the truth about a request without a token, or with another role', async () => {
      const user = await tokenOf(gateway(), []);
      for (const operation of all.filter(({ role }) => role !== null)) {
        await expectProblem(operation, { token: null }, 401);
        if (operation.role !== '') await expectProblem(operation, { token: user }, 403);
      }
    });

    it('tells the truth about a write without a key, or with a body of another kind', async () => {
      for (const operation of all.filter(({ body }) => body !== undefined)) {
        await expectProblem(operation, { headers: { 'content-type': 'text/plain' } }, 415);
        const keyed = operation.parameters.some(({ name }) => name === 'Idempotency-Key');
        if (keyed) await expectProblem(operation, { headers: { 'Idempotency-Key': '' } }, 400);
      }
    });
  });

  async function expectProblem(operation: Operation, change: Change, status: number): Promise<void> {
    const { response, text } = await call(gateway(), operation, change);
    const found = { status: response.status, differences: differences(operation, response, text) };
    expect({ id: operation.operationId, ...found }).toEqual({
      id: operation.operationId,
      status,
      differences: [],
    });
  }
}
