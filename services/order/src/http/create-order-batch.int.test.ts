import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isProblem } from '@orderflow/service-runtime/problem';
import type { Route } from '@orderflow/service-runtime/route';
import { newKey, openOrderService, type OrderService } from '../order-under-test.test.ts';
import { createOrder } from './create-order.ts';

const SETTINGS = { intervalMs: 5, maxOpen: 1 };
/** More than this many wait: 503. One batch of 500 is on its way by then. */
const MAX_WAITING = 10_000;

interface Given {
  readonly userId?: number;
  readonly key?: string;
  readonly quantity?: number;
}

/** Calls the route's handle itself, so that requests of one tick are of one batch. */
function ask(route: Route, { userId = 1, key = newKey(), quantity = 1 }: Given = {}) {
  return route.handle({
    caller: { userId, roles: new Set(), expiresAt: Number.POSITIVE_INFINITY },
    params: undefined,
    query: undefined,
    body: { items: [{ productId: 1, quantity }] },
    idempotencyKey: key,
    route: route.name,
    requestId: 'request',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    preferWaitSeconds: null,
    header: () => undefined,
    signal: new AbortController().signal,
  });
}

/** Status, and the code of a refusal. */
async function outcomeOf(answer: ReturnType<typeof ask>): Promise<string> {
  try {
    const { status, headers } = await answer;
    return headers?.['Idempotency-Replayed'] ? `${status} replayed` : String(status);
  } catch (error) {
    if (isProblem(error)) return `${error.status} ${error.code}`;
    throw error;
  }
}

describe('the intake of orders', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  const intake = () => createOrder(orders.write, SETTINGS, orders.count, orders.awaitOrder);

  it('commits the requests of one moment together: one outbox row, each order its own event', async () => {
    const route = intake();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => outcomeOf(ask(route, { userId: n }))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['202']));
    expect(orders.handed).toHaveLength(1);
    const { rows } = await orders.owner.query<{ id: number; events: number; xids: number }>(
      `SELECT o.id, cardinality(event_ids) AS events, (SELECT count(DISTINCT xmin::text) FROM orders) AS xids FROM outbox o`,
    );
    expect(rows).toEqual([{ id: orders.handed[0]!.id, events: 50, xids: 1 }]);
    const { rows: stored } = await orders.owner.query<{ value: string; userId: number }>(
      `SELECT snapshot AS value, user_id AS "userId" FROM order_events e JOIN orders o ON o.id = e.order_id ORDER BY e.id`,
    );
    expect(orders.handed[0]!.messages.map(({ value }) => value)).toEqual(stored.map(({ value }) => value));
    expect(stored.map(({ userId }) => userId)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  it('lets the first of two equal keys in one batch write, the second replay, and a third with another body fail', async () => {
    const route = intake();
    const twin = { key: newKey() };
    const outcomes = await Promise.all([
      outcomeOf(ask(route, twin)),
      outcomeOf(ask(route, twin)),
      outcomeOf(ask(route, { ...twin, quantity: 2 })),
      outcomeOf(ask(route, { ...twin, userId: 2 })),
    ]);
    expect(outcomes).toEqual(['202', '202 replayed', '422 IDEMPOTENCY_KEY_REUSED', '202']);
    expect(orders.handed.flatMap(({ messages }) => messages)).toHaveLength(2);
    expect((await orders.owner.query('SELECT id FROM orders')).rows).toHaveLength(2);
  });

  it('looks a key up before it writes again when the answer to COMMIT was lost', async () => {
    const route = orders.intakeThatLosesOneCommit();
    const request = { key: newKey() };
    await expect(ask(route, request)).rejects.toMatchObject({ code: 'ECONNRESET' });
    // The relay was told nothing: the row is there for its poll.
    expect(orders.handed).toEqual([]);
    expect((await orders.owner.query('SELECT id FROM outbox')).rows).toHaveLength(1);
    expect(await outcomeOf(ask(route, request))).toBe('202 replayed');
    expect((await orders.owner.query('SELECT id FROM orders')).rows).toHaveLength(1);
    expect(orders.handed).toEqual([]);
  });

  it('refuses at once whom too many wait before', async () => {
    let release: (error: Error) => void = () => undefined;
    const gate = new Promise<never>((_, reject) => (release = reject));
    const pool = { connect: () => gate };
    const route = createOrder({ ...orders.write, pool }, SETTINGS, orders.count, orders.awaitOrder);
    const first = ask(route);
    await new Promise(setImmediate);
    // The first is with the database: from here on all wait.
    const waiting = Array.from({ length: MAX_WAITING }, () => ask(route));
    const settled = Promise.allSettled([first, ...waiting]);
    await expect(ask(route)).rejects.toMatchObject({
      code: 'SATURATED',
      status: 503,
      headers: { 'Retry-After': '1' },
    });
    release(new Error('Connection terminated'));
    const kinds = (await settled).map((one) => one.status);
    expect(kinds.filter((kind) => kind === 'rejected')).toHaveLength(MAX_WAITING + 1);
    expect((await orders.owner.query('SELECT id FROM orders')).rows).toEqual([]);
  });
});
