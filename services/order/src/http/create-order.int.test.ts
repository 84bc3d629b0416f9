import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_OPEN, newKey, openOrderService, TIME, type OrderService } from '../order-under-test.test.ts';

const LINE = { productId: 1, quantity: 1 };
const lines = (count: number) => Array.from({ length: count }, (_, n) => ({ productId: n + 1, quantity: 1 }));

describe('POST /v1/orders', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  const countOf = async (table: string) =>
    (await orders.owner.query<{ count: number }>(`SELECT count(*) FROM ${table}`)).rows[0]?.count;
  const nothingHappened = async () => {
    expect(await Promise.all(['orders', 'order_events', 'outbox', 'idempotency_keys'].map(countOf))).toEqual([
      0, 0, 0, 0,
    ]);
    expect(orders.handed).toEqual([]);
  };

  it('accepts an order that nothing is known of yet, and says where it is', async () => {
    const answer = await orders.place(7, {
      items: [
        { productId: 5, quantity: 1000, unitPrice: '12.5' },
        { productId: 3, quantity: 1 },
      ],
      couponId: 9,
    });
    const { id } = answer.body as { id: number };
    expect([answer.status, answer.headers['location']]).toEqual([202, `/v1/orders/${id}`]);
    expect(answer.headers).not.toHaveProperty('idempotency-replayed');
    expect(answer.body).toEqual({
      id: expect.any(Number),
      userId: 7,
      status: 'CREATED',
      couponId: 9,
      originalAmount: null,
      discountAmount: null,
      totalAmount: null,
      failureReason: null,
      items: [
        { productId: 3, quantity: 1, unitPrice: null, totalPrice: null },
        { productId: 5, quantity: 1000, unitPrice: null, totalPrice: null },
      ],
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
      paidAt: null,
    });
    expect((await orders.get(`/v1/orders/${id}`, 7)).body).toEqual(answer.body);
    const { createdAt } = answer.body as { createdAt: string };
    const told = 'SELECT id FROM orders WHERE created_at = $1 AND updated_at = $1';
    expect((await orders.owner.query(told, [createdAt])).rows).toEqual([{ id }]);
  });

  it('writes the first line of the timeline, points to it, and hands over the very bytes it stored', async () => {
    const body = { items: [{ ...LINE, unitPrice: '12.50' }] };
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await orders.place(1, body).set('traceparent', trace);
    const { id, createdAt } = answer.body as { id: number; createdAt: string };
    const [event, ...more] = await orders.timeline(id);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: 'ORDER_CREATED',
      attempt: 0,
      topic: 'order-created',
      causationId: answer.headers['x-request-id'],
    });
    expect(orders.handed).toHaveLength(1);
    const [message] = orders.handed[0]!.messages;
    expect(message).toMatchObject({ topic: 'order-created', key: String(id), value: event!.snapshot });
    expect(message!.headers).toMatchObject({
      ce_id: `order-created/${id}`,
      ce_time: createdAt,
      traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
    });
    expect(JSON.parse(event!.snapshot)).toEqual({
      orderId: id,
      userId: 1,
      couponId: null,
      items: [{ ...LINE, expectedUnitPrice: '12.50', unitPrice: null, totalPrice: null }],
      originalAmount: null,
      discountAmount: null,
      totalAmount: null,
    });
    const { rows } = await orders.owner.query('SELECT id, event_ids FROM outbox');
    expect(rows).toEqual([{ id: orders.handed[0]!.id, event_ids: [event!.id] }]);
  });

  it('makes one order of one key, however many ask at once, and answers all the same', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => orders.place(1, { items: [LINE] }, 'k')),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => String(headers['location']))).size).toBe(1);
    const replays = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true');
    expect(replays).toHaveLength(49);
    expect(await countOf('orders')).toBe(1);
    expect(orders.handed.flatMap(({ messages }) => messages)).toHaveLength(1);
  });

  it('answers a key again as it did the first time, also when the order has moved on', async () => {
    const key = newKey();
    const first = await orders.place(1, { items: [LINE] }, key);
    await orders.owner.query(`UPDATE orders SET status = 'STOCK_RESERVED'`);
    const again = await orders.place(1, { items: [{ quantity: 1, productId: 1 }] }, key);
    expect([again.status, again.text, again.headers['location']]).toEqual([
      202,
      first.text,
      first.headers['location'],
    ]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await countOf('orders')).toBe(1);
  });

  it('refuses a key with another body, and lets another user have it', async () => {
    const key = newKey();
    await orders.place(1, { items: [LINE] }, key);
    const other = await orders.place(1, { items: [{ ...LINE, quantity: 2 }] }, key);
    expect(other.body).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
    expect((await orders.place(2, { items: [{ ...LINE, quantity: 2 }] }, key)).status).toBe(202);
    expect(await countOf('orders')).toBe(2);
  });

  it('does not burn the key of a request that it refuses', async () => {
    const key = newKey();
    expect((await orders.place(1, { items: [LINE, LINE] }, key)).status).toBe(400);
    expect((await orders.place(1, { items: [LINE] }, key)).status).toBe(202);
  });

  it('refuses a product that stands in two lines', async () => {
    const answer = await orders.place(1, { items: [LINE, { productId: 2, quantity: 1 }, LINE] });
    expect(answer.body).toMatchObject({ status: 400, code: 'DUPLICATE_PRODUCT' });
    await nothingHappened();
  });

  it('takes the largest legal order', async () => {
    const items = lines(50).map((line) => ({ ...line, quantity: 1000, unitPrice: '9999999.99' }));
    const answer = await orders.place(1, { items, couponId: Number.MAX_SAFE_INTEGER });
    expect(answer.status).toBe(202);
    expect(await countOf('order_products')).toBe(50);
  });

  it.each([
    ['no items', { items: [] }, '/items'],
    ['51 items', { items: lines(51) }, '/items'],
    ['no list of items', {}, '/items'],
    ['quantity 0', { items: [{ ...LINE, quantity: 0 }] }, '/items/0/quantity'],
    ['quantity 1001', { items: [{ ...LINE, quantity: 1001 }] }, '/items/0/quantity'],
    ['half a piece', { items: [{ ...LINE, quantity: 0.5 }] }, '/items/0/quantity'],
    ['a quantity in words', { items: [{ ...LINE, quantity: '1' }] }, '/items/0/quantity'],
    ['product 0', { items: [{ ...LINE, productId: 0 }] }, '/items/0/productId'],
    ['a product beyond 2^53', { items: [{ ...LINE, productId: 2 ** 53 }] }, '/items/0/productId'],
    ['a price as a number', { items: [{ ...LINE, unitPrice: 12.5 }] }, '/items/0/unitPrice'],
    ['a third decimal', { items: [{ ...LINE, unitPrice: '1.005' }] }, '/items/0/unitPrice'],
    ['a price of nothing', { items: [{ ...LINE, unitPrice: '0.00' }] }, '/items/0/unitPrice'],
    ['coupon null', { items: [LINE], couponId: null }, '/couponId'],
    ['an unknown field', { items: [LINE], status: 'PAID' }, '/status'],
    ['an unknown field in a line', { items: [{ ...LINE, totalPrice: '1.00' }] }, '/items/0/totalPrice'],
  ])('refuses %s and does nothing', async (_, body, path) => {
    const answer = await orders.place(1, body);
    expect(answer.body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors: [{ path }] });
    await nothingHappened();
  });

  it('asks for a key', async () => {
    const answer = await orders.place(1, { items: [LINE] }, ' ');
    expect(answer.body).toMatchObject({ status: 400, code: 'IDEMPOTENCY_KEY_REQUIRED' });
  });

  it('takes orders up to its limit of open ones and none above it', async () => {
    orders.count.open = MAX_OPEN;
    expect((await orders.place(1)).status).toBe(202);
    await orders.clear();
    orders.count.open = MAX_OPEN + 1;
    const answer = await orders.place(1);
    expect(answer.body).toMatchObject({ status: 503, code: 'SATURATED' });
    expect(answer.headers['retry-after']).toBe('1');
    await nothingHappened();
  });

  it('answers who was accepted before again, however many orders are open', async () => {
    await orders.clear();
    orders.count.open = 0;
    const key = 'answer-lost';
    const first = await orders.place(1).set('idempotency-key', key);
    orders.count.open = MAX_OPEN + 1;
    const again = await orders.place(1).set('idempotency-key', key);
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    orders.count.open = 0;
  });
});
