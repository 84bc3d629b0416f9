import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { balanceRefunded, couponRestored, paymentRefunded, stockReleased } from '@orderflow/testing/events';
import {
  CANCEL_DEADLINE_MS,
  openOrderService,
  OPERATOR,
  TIME,
  type OrderService,
} from '../order-under-test.test.ts';

const ANN = 1;

describe('orders stuck in CANCELLING', () => {
  let orders: OrderService;
  let id: number;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(async () => {
    await orders.clear();
    id = await orders.placed(ANN);
  });

  const sent = () => orders.handed.flatMap(({ messages }) => messages);
  const stuck = async () =>
    ((await orders.get('/v1/ops/orders/stuck', OPERATOR)).body as { data: readonly { id: number }[] }).data;
  const cancelled = async () => {
    await orders.cancel(id, ANN);
    orders.handed.length = 0;
  };
  const age = (order: number, ms: number) =>
    orders.owner.query(`UPDATE orders SET cancelling_at = now() - $2 * interval '1 ms' WHERE id = $1`, [
      order,
      ms,
    ]);

  it('are nudged as a new attempt with an id of its own, to those who have not answered', async () => {
    await cancelled();
    await orders.advance(couponRestored({ orderId: id }), stockReleased({ orderId: id }));
    const first = await orders.nudge(id);
    expect([first.status, first.body]).toEqual([202, { orderId: id, attempt: 1 }]);
    await orders.advance(paymentRefunded({ orderId: id, attempt: 1 }));
    const second = await orders.nudge(id);
    expect([second.status, second.body]).toEqual([202, { orderId: id, attempt: 2 }]);
    expect(sent().map(({ headers }) => headers['ce_id'])).toEqual([
      `order-cancelling/${id}/1`,
      `order-cancelling/${id}/2`,
    ]);
    expect(sent().map(({ value }) => JSON.parse(value) as unknown)).toMatchObject([
      { reason: 'CANCELLED_BY_USER', compensate: ['balance', 'payment'], attempt: 1 },
      { reason: 'CANCELLED_BY_USER', compensate: ['balance'], attempt: 2 },
    ]);
    // An answer to any attempt counts.
    await orders.advance(balanceRefunded({ orderId: id, attempt: 1 }));
    expect((await orders.timeline(id)).map(({ type, attempt }) => `${type} ${attempt}`)).toEqual([
      'ORDER_CREATED 0',
      'ORDER_CANCELLING 0',
      'ORDER_CANCELLING 1',
      'ORDER_CANCELLING 2',
      'ORDER_CANCELLED 0',
    ]);
  });

  it('are nudged with a record of who wanted it, in the same transaction', async () => {
    await cancelled();
    await orders.nudge(id);
    const { rows } = await orders.owner.query(
      `SELECT subject, action, request, outcome,
              a.xmin::text = (SELECT xmin::text FROM order_events WHERE order_id = $1 AND attempt = 1) AS together
         FROM operator_actions a WHERE (request ->> 'orderId')::bigint = $1`,
      [id],
    );
    expect(rows).toEqual([
      {
        subject: OPERATOR,
        action: 'orders.nudge',
        request: { orderId: id },
        outcome: { attempt: 1 },
        together: true,
      },
    ]);
  });

  it('are nudged once by each of two operators at the same moment', async () => {
    await cancelled();
    const answers = await Promise.all([orders.nudge(id), orders.nudge(id)]);
    expect(answers.map(({ body }) => (body as { attempt: number }).attempt).sort()).toEqual([1, 2]);
    expect(sent()).toHaveLength(2);
  });

  it('are nudged by operators only, by an id that exists, while they are being cancelled', async () => {
    expect((await orders.nudge(id)).body).toMatchObject({ status: 409, code: 'NOT_CANCELLING' });
    await cancelled();
    expect((await orders.nudge(id, ANN)).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect((await orders.nudge(4_711_000)).body).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
    expect((await orders.nudge('x')).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    await orders.advance(
      ...[stockReleased, couponRestored, balanceRefunded, paymentRefunded].map((answer) =>
        answer({ orderId: id }),
      ),
    );
    expect((await orders.nudge(id)).body).toMatchObject({ status: 409, code: 'NOT_CANCELLING' });
    expect(sent()).toEqual([]);
  });

  it('are listed once they have waited too long, oldest first, with who owes an answer', async () => {
    const fresh = await orders.placed(ANN);
    const older = await orders.placed(ANN);
    for (const order of [id, fresh, older]) await orders.cancel(order, ANN);
    await age(id, CANCEL_DEADLINE_MS + 5_000);
    await age(older, CANCEL_DEADLINE_MS + 60_000);
    await orders.advance(stockReleased({ orderId: older }));
    await orders.nudge(older);
    const line = {
      reason: 'CANCELLED_BY_USER',
      pending: ['stock', 'coupon', 'balance', 'payment'],
      attempt: 0,
      cancellingAt: expect.stringMatching(TIME),
    };
    expect(await stuck()).toEqual([
      { ...line, id: older, pending: ['coupon', 'balance', 'payment'], attempt: 1 },
      { ...line, id },
    ]);
    const refused = await orders.get('/v1/ops/orders/stuck', ANN);
    expect(refused.body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  });

  it('are listed page by page, those of one moment too', async () => {
    const all = [id, await orders.placed(ANN), await orders.placed(ANN), await orders.placed(ANN)];
    for (const order of all) await orders.cancel(order, ANN);
    await orders.owner.query(
      `UPDATE orders SET cancelling_at = date_trunc('milliseconds', now() - interval '1 hour')`,
    );
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await orders.get(`/v1/ops/orders/stuck?limit=1${query}`, OPERATOR);
      const page = body as { data: readonly { id: number }[]; nextCursor: string | null };
      seen.push(...page.data.map((order) => order.id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(all);
  });

  it('leave the list when they are cancelled', async () => {
    await cancelled();
    await age(id, CANCEL_DEADLINE_MS + 5_000);
    expect(await stuck()).toHaveLength(1);
    await orders.advance(
      ...[stockReleased, couponRestored, balanceRefunded, paymentRefunded].map((answer) =>
        answer({ orderId: id }),
      ),
    );
    expect(await stuck()).toEqual([]);
  });
});
