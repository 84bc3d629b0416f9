import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { balanceRejected, paymentCompleted, stockRejected, stockReserved } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { createAwaitOrder } from './await-order.ts';
import { newKey, openOrderService, type OrderBody, type OrderService } from '../order-under-test.test.ts';

const ANN = 1;
const BODY = { items: [{ productId: 1, quantity: 1 }] };

describe('placing an order with Prefer: wait', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  const place = (wait: number | string, key = newKey(), body: object = BODY) =>
    orders.place(ANN, body, key).set('Prefer', `wait=${wait}`);

  /** Sends the request and resolves with the id of the order that it has made; its answer is still to come. */
  async function placing(wait: number, key = newKey()) {
    const before = await newestId();
    const answer = place(wait, key).then((answer) => answer);
    const id = await waitUntil(async () => {
      const newest = await newestId();
      return newest > before ? newest : null;
    });
    return { id, answer };
  }

  async function newestId(): Promise<number> {
    const { rows } = await orders.owner.query<{ id: number }>(
      'SELECT coalesce(max(id), 0) AS id FROM orders',
    );
    return rows[0]?.id ?? 0;
  }

  it('answers 201 with the order as soon as it is paid', async () => {
    const { id, answer } = await placing(10);
    await orders.advance(stockReserved({ orderId: id }));
    await orders.advance(paymentCompleted({ orderId: id }));
    const paidAt = performance.now();
    const { status, body, headers } = await answer;
    expect(performance.now() - paidAt).toBeLessThan(700);
    expect(status).toBe(201);
    expect(headers).toMatchObject({ location: `/v1/orders/${id}`, 'preference-applied': 'wait=10' });
    expect(headers).not.toHaveProperty('idempotency-replayed');
    expect(body).toEqual((await orders.get(`/v1/orders/${id}`, ANN)).body);
    expect(body).toMatchObject({ id, status: 'PAID', totalAmount: '10.00' });
  });

  it('answers 201 with the reason when the order is refused: it was made, and is over', async () => {
    const { id, answer } = await placing(10);
    await orders.advance(stockRejected({ orderId: id, reason: 'OUT_OF_STOCK' }));
    expect(await answer).toMatchObject({
      status: 201,
      body: { id, status: 'CANCELLED', failureReason: 'OUT_OF_STOCK' },
    });
  });

  it('answers 202 with the order as far as it has come when the time is over', async () => {
    const startedAt = performance.now();
    const { id, answer } = await placing(1);
    await orders.advance(stockReserved({ orderId: id }));
    const { status, body, headers } = await answer;
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    expect([status, (body as OrderBody).status]).toEqual([202, 'STOCK_RESERVED']);
    expect(headers['preference-applied']).toBe('wait=1');
  });

  it('does not take CANCELLING for an end', async () => {
    const { id, answer } = await placing(1);
    await orders.advance(stockReserved({ orderId: id }));
    await orders.advance(balanceRejected({ orderId: id }));
    expect(await answer).toMatchObject({ status: 202, body: { id, status: 'CANCELLING' } });
  });

  it('answers 202 with the order as it was accepted when nothing happens', async () => {
    const { status, body, headers } = await place(1);
    const { id } = body as OrderBody;
    expect([status, headers['preference-applied']]).toEqual([202, 'wait=1']);
    expect(body).toEqual((await orders.get(`/v1/orders/${id}`, ANN)).body);
  });

  it('waits ten seconds at most, whatever is asked for, and not at all for wait=0', async () => {
    const { id, answer } = await placing(3_600);
    await orders.advance(stockRejected({ orderId: id }));
    expect((await answer).headers['preference-applied']).toBe('wait=10');
    const startedAt = performance.now();
    expect(await place(0)).toMatchObject({ status: 202, headers: { 'preference-applied': 'wait=0' } });
    expect(performance.now() - startedAt).toBeLessThan(700);
    expect((await place('soon')).headers).not.toHaveProperty('preference-applied');
  });

  it('waits again in a replay, and answers with the order as it is then', async () => {
    const key = newKey();
    const first = await orders.place(ANN, BODY, key);
    const { id } = first.body as OrderBody;
    const again = place(10, key).then((answer) => answer);
    await orders.advance(paymentCompleted({ orderId: id }));
    const paid = { status: 201, body: { id, status: 'PAID' } };
    const replayed = { 'idempotency-replayed': 'true', location: `/v1/orders/${id}` };
    expect(await again).toMatchObject({ ...paid, headers: { ...replayed, 'preference-applied': 'wait=10' } });
    expect(await place(10, key)).toMatchObject({ ...paid, headers: replayed });
    // What is stored is the intake's 202, whoever waited.
    const stored = await orders.place(ANN, BODY, key);
    expect([stored.status, stored.text, stored.headers['idempotency-replayed']]).toEqual([
      202,
      first.text,
      'true',
    ]);
    expect((await place(10, key, { items: [{ productId: 2, quantity: 1 }] })).status).toBe(422);
  });

  it('lets a waiter go who has gone, and answers at once while too many wait', async () => {
    const awaitOrder = createAwaitOrder(orders.feed, 1);
    const id = await orders.placed();
    const accepted = { status: 202, json: JSON.stringify({ id }) };
    const request = (signal: AbortSignal) => ({ preferWaitSeconds: 10, signal });
    const gone = new AbortController();
    const waiting = awaitOrder(accepted, request(gone.signal), performance.now());
    const stays = new AbortController().signal;
    // Not even the preference is echoed: nothing was waited for.
    expect(await awaitOrder(accepted, request(stays), performance.now())).toBe(accepted);
    gone.abort();
    await waiting;
    const next = awaitOrder(accepted, request(stays), performance.now());
    await orders.advance(stockRejected({ orderId: id }));
    expect(await next).toMatchObject({ status: 201, body: { status: 'CANCELLED' } });
  });

  it('waits no longer when the process stops', async () => {
    const stopped = await openOrderService();
    const key = newKey();
    const answer = stopped
      .place(ANN, BODY, key)
      .set('Prefer', 'wait=10')
      .then((answer) => answer);
    await waitUntil(async () => (await stopped.owner.query('SELECT 1 FROM orders')).rows.length === 1);
    const stoppedAt = performance.now();
    stopped.closing.abort();
    expect(await answer).toMatchObject({ status: 202, body: { status: 'CREATED' } });
    expect(performance.now() - stoppedAt).toBeLessThan(350);
    await stopped.close();
  });

  it('costs the database the same for 500 waiters as for one, and others are answered meanwhile', async () => {
    const statementsOf = async (waiters: number) => {
      const ids = await Promise.all(
        Array.from({ length: waiters }, async () => (await orders.place(ANN, BODY)).body as OrderBody),
      );
      orders.reads.length = 0;
      const startedAt = performance.now();
      const answers = Promise.all(
        ids.map((order) =>
          orders.awaitOrder(
            { status: 202, json: JSON.stringify(order) },
            { preferWaitSeconds: 2, signal: new AbortController().signal },
            startedAt,
          ),
        ),
      );
      await orders.get(`/v1/orders/${ids[0]?.id}`, ANN).expect(200);
      expect(performance.now() - startedAt).toBeLessThan(1_900);

      expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([202]));
      return orders.reads.filter((text) => text.includes('unnest')).length;
    };
    // The first look, and one a second; one more when a timer is late.
    const one = await statementsOf(1);
    const many = await statementsOf(500);
    expect([one, many].map((statements) => statements > 0 && statements <= 5)).toEqual([true, true]);
  });
});
