import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  balanceRefunded,
  couponRestored,
  paymentCompleted,
  paymentRefunded,
  stockRejected,
  stockReleased,
} from '@orderflow/testing/events';
import {
  openOrderService,
  OPERATOR,
  REFUND_WINDOW_DAYS,
  type OrderBody,
  type OrderService,
} from '../order-under-test.test.ts';

const ANN = 1;
const EVERYONE = ['stock', 'coupon', 'balance', 'payment'];

describe('POST /v1/orders/{id}/cancel', () => {
  let orders: OrderService;
  let id: number;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(async () => {
    await orders.clear();
    id = await orders.placed(ANN);
    orders.handed.length = 0;
  });

  const sent = () => orders.handed.flatMap(({ messages }) => messages);
  const bodyOf = (answer: { body: unknown }) => answer.body as OrderBody;
  const typesOf = async () => (await orders.timeline(id)).map(({ type }) => type);
  const answersOfAll = () =>
    [stockReleased, couponRestored, balanceRefunded, paymentRefunded].map((answer) =>
      answer({ orderId: id }),
    );
  const pay = () => orders.advance(paymentCompleted({ orderId: id }));
  const paidAtOf = async () => bodyOf(await orders.get(`/v1/orders/${id}`, ANN)).paidAt;

  it('undoes an order before payment everywhere, whatever has been done of it', async () => {
    const answer = await orders.cancel(id, ANN);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      id,
      status: 'CANCELLING',
      failureReason: 'CANCELLED_BY_USER',
      paidAt: null,
    });
    const [message, ...more] = sent();
    expect(more).toEqual([]);
    expect(message).toMatchObject({ topic: 'order-cancelling', key: String(id) });
    expect(message!.headers).toMatchObject({ ce_id: `order-cancelling/${id}` });
    expect(JSON.parse(message!.value)).toMatchObject({
      orderId: id,
      reason: 'CANCELLED_BY_USER',
      compensate: EVERYONE,
      attempt: 0,
      paidAt: null,
    });
    const cancelling = (await orders.timeline(id)).at(-1);
    expect(cancelling).toMatchObject({ type: 'ORDER_CANCELLING', snapshot: message!.value });
    expect(message!.headers['ce_causationid']).toBe(cancelling!.causationId);
  });

  it('answers the same again and sends nothing more', async () => {
    const first = await orders.cancel(id, ANN);
    const again = await orders.cancel(id, ANN);
    expect([again.status, again.text]).toEqual([202, first.text]);
    expect(sent()).toHaveLength(1);
    expect(await typesOf()).toEqual(['ORDER_CREATED', 'ORDER_CANCELLING']);
  });

  it('starts one compensation, however many cancel at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => orders.cancel(id, ANN)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(sent()).toHaveLength(1);
  });

  it('is over when all four have answered: 200, and it stays that way', async () => {
    await orders.cancel(id, ANN);
    const [last, ...others] = answersOfAll();
    await orders.advance(...others);
    expect((await orders.cancel(id, ANN)).status).toBe(202);
    await orders.advance(last!);
    const answer = await orders.cancel(id, ANN);
    expect([answer.status, bodyOf(answer).status]).toEqual([200, 'CANCELLED']);
    expect(sent()).toHaveLength(1);
  });

  it('leaves an order that was refused its reason', async () => {
    await orders.advance(stockRejected({ orderId: id, reason: 'OUT_OF_STOCK' }));
    const answer = await orders.cancel(id, ANN);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 'CANCELLED', failureReason: 'OUT_OF_STOCK' });
    expect(sent()).toEqual([]);
  });

  it('refunds a paid order: all four undo it, told when it was paid, and so is everyone at the end', async () => {
    await pay();
    const paidAt = await paidAtOf();
    const answer = await orders.cancel(id, ANN);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'CANCELLING', paidAt });
    expect(JSON.parse(sent()[0]!.value)).toMatchObject({
      compensate: EVERYONE,
      paidAt,
      totalAmount: '10.00',
    });
    const { row } = await orders.advance(...answersOfAll());
    const [cancelled] = row!.messages;
    expect(cancelled!.topic).toBe('order-cancelled');
    expect(JSON.parse(cancelled!.value)).toMatchObject({ reason: 'CANCELLED_BY_USER', paidAt });
    expect(await orders.get(`/v1/orders/${id}`, ANN)).toMatchObject({
      body: { status: 'CANCELLED', paidAt, totalAmount: '10.00' },
    });
  });

  it('refunds on the last day of the window and no longer', async () => {
    await pay();
    const paidAgo = (text: string) =>
      orders.owner.query('UPDATE orders SET paid_at = now() - $1::interval', [text]);
    await paidAgo(`${REFUND_WINDOW_DAYS} days 1 second`);
    const late = await orders.cancel(id, ANN);
    expect(late.body).toMatchObject({ status: 409, code: 'REFUND_CLOSED' });
    expect(sent()).toEqual([]);
    expect((await orders.get(`/v1/orders/${id}`, ANN)).body).toMatchObject({ status: 'PAID' });
    await paidAgo(`${REFUND_WINDOW_DAYS * 24 - 1} hours`);
    expect((await orders.cancel(id, ANN)).status).toBe(202);
    // The window is about starting it: asking again is answered after its end too.
    await paidAgo(`${REFUND_WINDOW_DAYS + 1} days`);
    expect((await orders.cancel(id, ANN)).status).toBe(202);
  });

  it("knows nobody else's order, not even for an operator, and no order by an id that is not one", async () => {
    for (const [order, user] of [
      [id, 2],
      [id, OPERATOR],
      [4_711_000, ANN],
    ] as const) {
      expect((await orders.cancel(order, user)).body).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
    }
    expect((await orders.cancel('1.5', ANN)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(await typesOf()).toEqual(['ORDER_CREATED']);
  });

  describe('against a payment at the same moment', () => {
    /** Both wait for the order's row, in the order of the list, and then get it one after the other. */
    async function queueUp(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<void> {
      const holder = await orders.owner.connect();
      try {
        await holder.query('BEGIN');
        await holder.query('SELECT 1 FROM orders WHERE id = $1 FOR NO KEY UPDATE', [id]);
        const one = first();
        await orders.someoneWaits(1);
        const two = second();
        await orders.someoneWaits(2);
        await holder.query('COMMIT');
        await Promise.all([one, two]);
      } finally {
        holder.release();
      }
    }
    const cancel = () => orders.cancel(id, ANN).then((answer) => expect(answer.status).toBe(202));

    it('the payment that commits first makes it a refund', async () => {
      await queueUp(pay, cancel);
      expect((await typesOf()).slice(-2)).toEqual(['ORDER_PAID', 'ORDER_CANCELLING']);
      expect(JSON.parse(sent()[0]!.value)).toMatchObject({ paidAt: await paidAtOf() });
      expect(await paidAtOf()).not.toBeNull();
    });

    it('the cancel that commits first leaves it unpaid for good', async () => {
      await queueUp(cancel, pay);
      expect(await typesOf()).toEqual(['ORDER_CREATED', 'ORDER_CANCELLING']);
      expect(JSON.parse(sent()[0]!.value)).toMatchObject({ compensate: EVERYONE, paidAt: null });
      expect(await paidAtOf()).toBeNull();
    });
  });
});
