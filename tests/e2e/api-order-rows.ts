import { expect, it } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { Asking, Told } from './api-asking.ts';
import { expectStablePages, ids, person, product, TIME } from './api-people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

const WAITING = { headers: { Prefer: 'wait=10' } };

interface Buyer {
  readonly id: number;
  readonly token: string;
  readonly body: { readonly items: readonly { readonly productId: number; readonly quantity: number }[] };
}

async function buyer(asking: Asking): Promise<Buyer> {
  const { id, token } = await person(asking);
  await asking.expect('topUpBalance', { token, body: { amount: '1000.00' } }, 201);
  return { id, token, body: { items: [{ productId: await product(asking), quantity: 2 }] } };
}

async function paid(asking: Asking, { token, body }: Buyer): Promise<Told> {
  const told = await asking.expect('placeOrder', { token, body, ...WAITING }, 201);
  expect(told.body['status']).toBe('PAID');
  return told;
}

/** The rows of orders, payments and what follows them. */
export function describeOrderRows(asking: Asking, stack: () => RunningStack): void {
  it('orders: accepted with 202 and their place, or waited for with 201; once a key', async () => {
    const me = await buyer(asking);
    const { token, body } = me;
    const key = `first-${me.id}`;
    const accepted = await asking.expect('placeOrder', { token, body, key }, 202);
    const id = Number(accepted.body['id']);
    expect(accepted.headers.get('location')).toBe(`/v1/orders/${id}`);
    expect(accepted.body).toEqual({
      id,
      userId: me.id,
      status: 'CREATED',
      couponId: null,
      originalAmount: null,
      discountAmount: null,
      totalAmount: null,
      failureReason: null,
      items: [{ ...body.items[0], unitPrice: null, totalPrice: null }],
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
      paidAt: null,
    });
    const waited = await asking.expect('placeOrder', { token, body, key, ...WAITING }, 201);
    expect(waited.body).toMatchObject({ id, status: 'PAID', totalAmount: '25.00', failureReason: null });
    expect(waited.body['paidAt']).toMatch(TIME);
    expect(waited.headers.get('idempotency-replayed')).toBe('true');
    expect(waited.headers.get('preference-applied')).toBe('wait=10');
    const replayed = await asking.expect('placeOrder', { token, body, key }, 202);
    expect(replayed.body).toEqual(accepted.body);
    const other = { items: [{ ...body.items[0], quantity: 3 }] };
    await asking.expect('placeOrder', { token, body: other, key }, 422, 'IDEMPOTENCY_KEY_REUSED');
    const twice = { items: [body.items[0], body.items[0]] };
    await asking.expect('placeOrder', { token, body: twice }, 400, 'DUPLICATE_PRODUCT');
    for (const items of [[], Array.from({ length: 51 }, (_, at) => ({ productId: at + 1, quantity: 1 }))]) {
      await asking.expect('placeOrder', { token, body: { items } }, 400, 'VALIDATION_FAILED');
    }
  });

  it('orders: a refused one is waited for too, and says why', async () => {
    const { token, body } = await buyer(asking);
    const items = [{ ...body.items[0], unitPrice: '9.99' }];
    const told = await asking.expect('placeOrder', { token, body: { items }, ...WAITING }, 201);
    expect(told.body).toMatchObject({ status: 'CANCELLED', failureReason: 'PRICE_CHANGED', paidAt: null });
  });

  it('orders: their owner and operators see one, nobody else does', async () => {
    const me = await buyer(asking);
    const { body: order } = await paid(asking, me);
    const path = { id: Number(order['id']) };
    const [operator, stranger] = [await asking.token(1, 'operator'), (await person(asking)).token];
    for (const token of [me.token, operator]) {
      expect((await asking.expect('getOrder', { token, path }, 200)).body).toEqual(order);
      const { body } = await asking.expect('listOrderEvents', { token, path }, 200);
      expect(body.data?.map(({ type }) => type)).toEqual([
        'ORDER_CREATED',
        'STOCK_RESERVED',
        'COUPON_APPLIED',
        'BALANCE_CHARGED',
        'ORDER_PAID',
      ]);
    }
    for (const operation of ['getOrder', 'listOrderEvents', 'streamOrder', 'cancelOrder']) {
      await asking.expect(operation, { token: stranger, path }, 404, 'ORDER_NOT_FOUND');
    }
    expect(ids(await asking.expect('listOrders', { token: stranger }, 200))).toEqual([]);
    const foreign = { token: stranger, query: { orderId: path.id } };
    expect((await asking.expect('listPayments', foreign, 200)).body.data).toEqual([]);
    const payments = await asking.expect(
      'listPayments',
      { token: me.token, query: { orderId: path.id } },
      200,
    );
    expect(payments.body.data).toMatchObject([{ orderId: path.id, userId: me.id, amount: '25.00' }]);
  });

  it('orders: listed by status and time, in pages that a new one does not disturb', async () => {
    const { token, body } = await buyer(asking);
    const add = () => asking.expect('placeOrder', { token, body, ...WAITING }, 201);
    const first = await add();
    for (let count = 0; count < 4; count += 1) await add();
    await expectStablePages(asking, 'listOrders', { token }, add, 'descending');
    const all = await asking.expect('listOrders', { token, query: { status: 'PAID' } }, 200);
    expect(ids(all)).toHaveLength(7);
    const none = await asking.expect('listOrders', { token, query: { status: 'CANCELLED' } }, 200);
    expect(ids(none)).toEqual([]);
    const { id, createdAt } = first.body as { id: number; createdAt: string };
    const later = await asking.expect('listOrders', { token, query: { from: createdAt } }, 200);
    expect(ids(later)).toContain(id);
    const earlier = await asking.expect('listOrders', { token, query: { to: createdAt } }, 200);
    expect(ids(earlier)).toEqual([]);
  });

  it('orders: streamed to their end; who has seen it gets nothing more', async () => {
    const me = await buyer(asking);
    const { token, body } = me;
    const { body: order } = await asking.expect('placeOrder', { token, body }, 202);
    const path = { id: Number(order['id']) };
    const stream = await asking.expect('streamOrder', { token, path }, 200);
    const events = [...stream.text.matchAll(/^id: (\d+)\nevent: status\ndata: (.*)$/gm)].map(
      ([, id, data]) => ({ id: Number(id), order: JSON.parse(String(data)) as { status: string } }),
    );
    const ladder = ['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'PAID'];
    const places = events.map(({ order: { status } }) => ladder.indexOf(status));
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    expect(places.at(-1)).toBe(ladder.length - 1);
    const headers = { 'Last-Event-ID': String(events.at(-1)?.id) };
    await asking.expect('streamOrder', { token, path, headers }, 204);
  });

  it('orders: cancelled while under way, refunded once paid, not after the time for refunds', async () => {
    const me = await buyer(asking);
    const { body: order } = await paid(asking, me);
    const question = { token: me.token, path: { id: Number(order['id']) } };
    const status = async () => (await asking.expect('getOrder', question, 200)).body['status'];
    const first = await asking.ask('cancelOrder', question);
    expect([200, 202]).toContain(first.status);
    await waitUntil(async () => (await status()) === 'CANCELLED', { what: 'the refund' });
    const again = await asking.expect('cancelOrder', question, 200);
    expect(again.body).toMatchObject({ status: 'CANCELLED', failureReason: 'CANCELLED_BY_USER' });
    const old = await paid(asking, me);
    await stack().sql('order', `UPDATE orders SET paid_at = paid_at - interval '31 days' WHERE id = $1`, [
      old.body['id'],
    ]);
    const late = { token: me.token, path: { id: Number(old.body['id']) } };
    await asking.expect('cancelOrder', late, 409, 'REFUND_CLOSED');
    await stack().sql('order', `UPDATE orders SET paid_at = paid_at + interval '31 days' WHERE id = $1`, [
      old.body['id'],
    ]);
  });

  it('a service asked directly answers as through the gateway', async () => {
    const me = await buyer(asking);
    const { body: order } = await paid(asking, me);
    const { services } = stack().current();
    const path = { id: Number(order['id']) };
    const door = services.order;
    expect((await asking.expect('getOrder', { token: me.token, path, door }, 200)).body).toEqual(order);
    const stranger = (await person(asking)).token;
    await asking.expect('getOrder', { token: stranger, path, door }, 404, 'ORDER_NOT_FOUND');
    const doors = {
      listOrders: services.order,
      listPayments: services.payment,
      listCoupons: services.coupon,
      getBalance: services['user-balance'],
      listDailySales: services.product,
    };
    for (const [operation, own] of Object.entries(doors)) {
      await asking.expect(operation, { door: own }, 401, 'UNAUTHENTICATED');
    }
    await asking.expect('listDailySales', { token: stranger, door: services.product }, 403, 'FORBIDDEN');
  });
}
