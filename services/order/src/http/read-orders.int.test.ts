import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  balanceRefunded,
  couponApplied,
  couponRestored,
  paymentCompleted,
  paymentRefunded,
  stockRejected,
  stockReleased,
  stockReserved,
} from '@orderflow/testing/events';
import {
  openOrderService,
  OPERATOR,
  TIME,
  type OrderBody,
  type OrderService,
} from '../order-under-test.test.ts';

const ANN = 1;
const BOB = 2;

interface Page {
  readonly data: readonly { readonly id: number; readonly type: string; readonly reason: string | null }[];
  readonly nextCursor: string | null;
}

describe('reading orders', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  const list = async (query = '', user = ANN) =>
    (await orders.get(`/v1/orders${query}`, user)).body as unknown as Page;
  const idsOf = ({ data }: Page) => data.map(({ id }) => id);
  const timelineOf = async (id: number, query = '', user = ANN) =>
    (await orders.get(`/v1/orders/${id}/events${query}`, user)).body as unknown as Page;
  const severalOf = async (user: number, count: number) => {
    const ids: number[] = [];
    for (let n = 0; n < count; n += 1) ids.push(await orders.placed(user));
    return ids;
  };

  it('shows an order to its owner and to an operator; to anyone else it is not there', async () => {
    const id = await orders.placed(ANN);
    const mine = await orders.get(`/v1/orders/${id}`, ANN);
    expect([mine.status, (mine.body as OrderBody).id]).toEqual([200, id]);
    expect((await orders.get(`/v1/orders/${id}`, OPERATOR)).body).toEqual(mine.body);
    for (const [path, user] of [
      [`/v1/orders/${id}`, BOB],
      [`/v1/orders/${id}/events`, BOB],
      ['/v1/orders/4711000', ANN],
      ['/v1/orders/9223372036854775807', OPERATOR],
      ['/v1/orders/4711000/events', OPERATOR],
    ] as const) {
      expect((await orders.get(path, user)).body).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
    }
    expect(idsOf(await list('', BOB))).toEqual([]);
    // One order at a time: the list is a user's own.
    expect(idsOf(await list('', OPERATOR))).toEqual([]);
  });

  it('shows prices and amounts from the moment they are known', async () => {
    const id = await orders.placed();
    const item = { productId: 1, quantity: 1 };
    await orders.advance(stockReserved({ orderId: id }));
    expect((await orders.get(`/v1/orders/${id}`, ANN)).body).toMatchObject({
      status: 'STOCK_RESERVED',
      originalAmount: '10.00',
      discountAmount: null,
      totalAmount: null,
      items: [{ ...item, unitPrice: '10.00', totalPrice: '10.00' }],
    });
    await orders.advance(couponApplied({ orderId: id, discountAmount: 250n, totalAmount: 750n }));
    await orders.advance(paymentCompleted({ orderId: id }));
    const paid = (await orders.get(`/v1/orders/${id}`, ANN)).body as OrderBody;
    expect(paid).toMatchObject({ status: 'PAID', discountAmount: '2.50', totalAmount: '7.50' });
    expect(paid.paidAt).toMatch(TIME);
  });

  it('lists own orders newest first, each once, whatever is placed between two pages', async () => {
    const ids = (await severalOf(ANN, 5)).reverse();
    const first = await list('?limit=2');
    const [newer] = await severalOf(ANN, 1);
    const second = await list(`?limit=2&cursor=${first.nextCursor}`);
    await severalOf(ANN, 1);
    const third = await list(`?limit=2&cursor=${second.nextCursor}`);
    expect([...idsOf(first), ...idsOf(second), ...idsOf(third)]).toEqual(ids);
    expect(third.nextCursor).toBeNull();
    expect(idsOf(await list())[1]).toBe(newer);
    // Full to the last one, a page knows that nothing follows.
    expect((await list('?limit=7')).nextCursor).toBeNull();
  });

  it('filters by status, also over pages', async () => {
    const [one, two, three] = (await severalOf(ANN, 3)) as [number, number, number];
    await orders.advance(stockRejected({ orderId: one }), stockRejected({ orderId: three }));
    const first = await list('?status=CANCELLED&limit=1');
    expect(idsOf(first)).toEqual([three]);
    expect(idsOf(await list(`?status=CANCELLED&limit=1&cursor=${first.nextCursor}`))).toEqual([one]);
    expect(idsOf(await list('?status=CREATED'))).toEqual([two]);
    expect(idsOf(await list('?status=PAID'))).toEqual([]);
  });

  it('keeps its place under filters while orders are placed and move on', async () => {
    const ids = (await severalOf(ANN, 6)) as [number, number, number, number, number, number];
    await orders.owner.query(
      `UPDATE orders SET created_at = '2026-03-01T12:00:00Z'::timestamptz + (id - $1) * interval '1 hour'`,
      [ids[0]],
    );
    const query = '?status=CREATED&from=2026-03-01T13:00:00Z&to=2026-03-01T17:00:00Z&limit=2';
    const first = await list(query);
    expect(idsOf(first)).toEqual([ids[4], ids[3]]);
    await severalOf(ANN, 3);
    await orders.advance(stockReserved({ orderId: ids[4] }));
    const second = await list(`${query}&cursor=${first.nextCursor}`);
    expect([idsOf(second), second.nextCursor]).toEqual([[ids[2], ids[1]], null]);
  });

  it('filters by the time of creation: from is in, to is out', async () => {
    const ids = (await severalOf(ANN, 3)) as [number, number, number];
    await orders.owner.query(
      `UPDATE orders SET created_at = '2026-03-01T12:00:00Z'::timestamptz + (id - $1) * interval '1 hour'`,
      [ids[0]],
    );
    const [twelve, thirteen, fourteen] = ids;
    expect(idsOf(await list('?from=2026-03-01T13:00:00Z'))).toEqual([fourteen, thirteen]);
    expect(idsOf(await list('?to=2026-03-01T13:00:00Z'))).toEqual([twelve]);
    expect(idsOf(await list('?from=2026-03-01T13:00:00.001Z&to=2026-03-01T14:00:00Z'))).toEqual([]);
    const offset = encodeURIComponent('2026-03-01T14:00:00+01:00');
    expect(idsOf(await list(`?from=${offset}&status=CREATED`))).toEqual([fourteen, thirteen]);
  });

  it.each([
    'status=paid',
    'from=yesterday',
    'from=2026-03-01',
    'from=2026-02-30T00:00:00Z',
    // Years 0 and 10000 in UTC: Postgres has no year 0.
    'from=0000-01-01T00:00:00Z',
    'from=0001-01-01T00:00:00%2B14:00',
    'to=9999-12-31T23:59:59-14:00',
    'limit=0',
    'limit=101',
    'cursor=x',
    'userId=2',
  ])('refuses ?%s', async (query) => {
    const answer = await orders.get(`/v1/orders?${query}`, ANN);
    expect(answer.body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });

  it('takes the first and the last moment of the calendar for a time', async () => {
    const id = await orders.placed();
    expect(idsOf(await list('?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z'))).toEqual([id]);
  });

  it('tells the timeline oldest first, page by page, skipped stages and the reason of an end included', async () => {
    const id = await orders.placed();
    await orders.advance(paymentCompleted({ orderId: id }));
    await orders.cancel(id, ANN);
    await orders.nudge(id);
    await orders.advance(
      ...[stockReleased, couponRestored, balanceRefunded, paymentRefunded].map((answer) =>
        answer({ orderId: id }),
      ),
    );
    const line = (type: string, reason: string | null = null, attempt = 0) => ({
      id: expect.any(Number),
      type,
      attempt,
      reason,
      createdAt: expect.stringMatching(TIME),
    });
    const whole = await timelineOf(id);
    expect(whole).toEqual({
      data: [
        line('ORDER_CREATED'),
        line('STOCK_RESERVED'),
        line('COUPON_APPLIED'),
        line('BALANCE_CHARGED'),
        line('ORDER_PAID'),
        line('ORDER_CANCELLING', 'CANCELLED_BY_USER'),
        line('ORDER_CANCELLING', 'CANCELLED_BY_USER', 1),
        line('ORDER_CANCELLED', 'CANCELLED_BY_USER'),
      ],
      nextCursor: null,
    });
    const first = await timelineOf(id, '?limit=5');
    const rest = await timelineOf(id, `?limit=5&cursor=${first.nextCursor}`, OPERATOR);
    expect([...first.data, ...rest.data]).toEqual(whole.data);
    expect(rest.nextCursor).toBeNull();
  });

  it('gives the reason of a refusal', async () => {
    const id = await orders.placed();
    await orders.advance(stockRejected({ orderId: id, reason: 'PRICE_CHANGED' }));
    expect((await timelineOf(id)).data.map(({ type, reason }) => [type, reason])).toEqual([
      ['ORDER_CREATED', null],
      ['ORDER_CANCELLED', 'PRICE_CHANGED'],
    ]);
    expect((await orders.get(`/v1/orders/${id}`, ANN)).body).toMatchObject({
      status: 'CANCELLED',
      failureReason: 'PRICE_CHANGED',
      totalAmount: null,
    });
  });
});
