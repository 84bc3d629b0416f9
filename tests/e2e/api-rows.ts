import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import { operations } from './api-document.ts';
import { Asking, documentedAnswers } from './api-asking.ts';
import { beginningAt, expectStablePages, ids, person, product, TIME } from './api-people.ts';
import { describeOrderRows } from './api-order-rows.ts';
import { describeOperatorRows } from './api-operator-rows.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

/** Answers that a healthy stack does not give on demand, each with the suite that provokes it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  INTERNAL: 'packages/service-runtime http-app tests, with a handle that throws',
  UNAVAILABLE: 'the kills of this suite; gateway tests with an upstream that is away',
  SATURATED: 'services/order create-order tests, with a small ORDER_MAX_OPEN',
  RATE_LIMITED: 'services/gateway rate-limit tests, with small limits',
  IDEMPOTENCY_IN_PROGRESS: 'the one-key tests of order, user-balance and product, with a held key',
};

const UNKNOWN = 9_007_199_254_740_991;

/**
 * Each row of the API table by its document: every 2xx status and every problem code that a route lists, its owner's
 * and its callers' limits, and lists that rows added meanwhile do not disturb.
 */
export function describeApiRows(stack: () => RunningStack): void {
  const asking = new Asking(stack);

  describe('each row of the API', () => {
    describeGeneralRefusals(asking);
    describeUserRows(asking);
    describeProductRows(asking);
    describeCouponRows(asking);
    describeOrderRows(asking, stack);
    describeOperatorRows(asking, stack);

    it('was called, with every answer that the document lists', () => {
      const isHere = (answer: string) => !((answer.split(' ')[2] ?? '') in ELSEWHERE);
      expect(documentedAnswers().filter((answer) => isHere(answer) && !asking.heard.has(answer))).toEqual([]);
    });
  });
}

/** What every route refuses alike. */
function describeGeneralRefusals(asking: Asking): void {
  it.each([...operations.keys()])('%s refuses what no route takes', async (operationId) => {
    const { role, body, path, parameters } = operations.get(operationId)!;
    const token = role === null ? null : await asking.token(1, 'admin');
    await asking.expect(operationId, { token, query: { nobody: 'knows' } }, 400, 'VALIDATION_FAILED');
    if (role !== null) {
      await asking.expect(operationId, { token: null }, 401, 'UNAUTHENTICATED');
      await asking.expect(operationId, { token: 'not.a.token' }, 401, 'UNAUTHENTICATED');
    }
    if (role !== null && role !== '') {
      await asking.expect(operationId, { token: await asking.token(2) }, 403, 'FORBIDDEN');
    }
    if (role === 'admin') {
      await asking.expect(operationId, { token: await asking.token(2, 'operator') }, 403, 'FORBIDDEN');
    }
    const [name] = /(?<=\{)\w+/.exec(path) ?? [];
    if (name !== undefined) {
      await asking.expect(operationId, { token, path: { [name]: '%zz' } }, 400, 'MALFORMED_REQUEST');
    }
    if (parameters.some((parameter) => parameter.name === 'Idempotency-Key')) {
      await asking.expect(operationId, { token, key: '' }, 400, 'IDEMPOTENCY_KEY_REQUIRED');
    }
    if (body === undefined) return;
    await asking.expect(operationId, { token, rawBody: '{' }, 400, 'MALFORMED_JSON');
    const large = JSON.stringify({ name: 'x'.repeat(40_000) });
    await asking.expect(operationId, { token, rawBody: large }, 413, 'BODY_TOO_LARGE');
    const headers = { 'content-type': 'text/plain' };
    await asking.expect(operationId, { token, headers }, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
}

function describeUserRows(asking: Asking): void {
  it('tokens: for any user and role on a local stack, checked by the keys it shows', async () => {
    const told = await asking.expect('createLocalToken', { body: { userId: 7, roles: ['operator'] } }, 200);
    expect(told.body).toEqual({ accessToken: expect.any(String), expiresIn: 900 });
    const keys = await asking.expect('getSigningKeys', {}, 200);
    expect(keys.body).toMatchObject({ keys: [{ kty: 'RSA', alg: 'RS256', use: 'sig' }] });
  });

  it('users: made by an admin, read by themselves and admins, absent for others', async () => {
    const admin = await asking.token(1, 'admin');
    const ada = await person(asking);
    const own = await asking.expect('getUser', { token: ada.token, path: { id: ada.id } }, 200);
    expect(own.body).toMatchObject({ id: ada.id, name: 'Ada' });
    await asking.expect('getUser', { token: admin, path: { id: ada.id } }, 200);
    const { token } = await person(asking);
    await asking.expect('getUser', { token, path: { id: ada.id } }, 404, 'USER_NOT_FOUND');
    await asking.expect('createUser', { token: admin, body: { name: '   ' } }, 400, 'VALIDATION_FAILED');
  });

  it('balance: "0.00" without a row, topped up once a key, within its limit, with its records', async () => {
    const { id, token } = await person(asking);
    const empty = await asking.expect('getBalance', { token }, 200);
    expect(empty.body).toEqual({ userId: id, amount: '0.00', updatedAt: null });
    const topUp = { token, key: `first-${id}`, body: { amount: '12.5' } };
    const first = await asking.expect('topUpBalance', topUp, 201);
    expect(first.body).toEqual({ recordId: expect.any(Number), amount: '12.50', balance: '12.50' });
    const again = await asking.expect('topUpBalance', topUp, 201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const other = { ...topUp, body: { amount: '13.00' } };
    await asking.expect('topUpBalance', other, 422, 'IDEMPOTENCY_KEY_REUSED');
    const much = { token, body: { amount: '1000000.00' } };
    await asking.expect('topUpBalance', much, 409, 'BALANCE_LIMIT_EXCEEDED');
    expect((await asking.expect('getBalance', { token }, 200)).body).toEqual({
      userId: id,
      amount: '12.50',
      updatedAt: expect.stringMatching(TIME),
    });
    const records = await asking.expect('listBalanceRecords', { token }, 200);
    expect(records.body.data).toEqual([
      {
        id: first.body['recordId'],
        type: 'TOP_UP',
        amount: '12.50',
        orderId: null,
        createdAt: expect.stringMatching(TIME),
      },
    ]);
    const nobody = await asking.token(UNKNOWN);
    await asking.expect('getBalance', { token: nobody }, 404, 'USER_NOT_FOUND');
    await asking.expect('topUpBalance', { token: nobody, body: { amount: '1.00' } }, 404, 'USER_NOT_FOUND');
  });

  it('records: the newest first, in pages that a new one does not disturb', async () => {
    const { token } = await person(asking);
    const topUp = () => asking.expect('topUpBalance', { token, body: { amount: '1.00' } }, 201);
    for (let count = 0; count < 5; count += 1) await topUp();
    await expectStablePages(asking, 'listBalanceRecords', { token }, topUp, 'descending');
  });
}

function describeProductRows(asking: Asking): void {
  it('products: shown to anyone while ON_SALE, changed by admins, absent when unknown', async () => {
    const admin = await asking.token(1, 'admin');
    const id = await product(asking, 7);
    const shown = await asking.expect('getProduct', { path: { id } }, 200);
    expect(shown.body).toEqual({
      id,
      name: 'Tea',
      description: 'Green',
      price: '12.50',
      status: 'ON_SALE',
      stock: 7,
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
    });
    const listed = await asking.expect('listProducts', { query: { limit: 1, ...beginningAt(id) } }, 200);
    expect(ids(listed)).toEqual([id]);
    const change = { token: admin, path: { id }, body: { status: 'SUSPENDED', price: '13' } };
    expect((await asking.expect('updateProduct', change, 200)).body).toMatchObject({ price: '13.00' });
    const gone = await asking.expect('listProducts', { query: { limit: 1, ...beginningAt(id) } }, 200);
    expect(ids(gone)).not.toContain(id);
    await asking.expect('getProduct', { path: { id: UNKNOWN } }, 404, 'PRODUCT_NOT_FOUND');
    await asking.expect('updateProduct', { ...change, path: { id: UNKNOWN } }, 404, 'PRODUCT_NOT_FOUND');
  });

  it('products: by id, in pages that a new one does not disturb', async () => {
    const first = await product(asking);
    for (let count = 0; count < 4; count += 1) await product(asking);
    const query = beginningAt(first);
    await expectStablePages(asking, 'listProducts', { query }, () => product(asking), 'ascending');
  });

  it('stock: adjusted once a key, never below zero or above its limit', async () => {
    const token = await asking.token(1, 'admin');
    const id = await product(asking, 10);
    const more = { token, path: { id }, key: `more-${id}`, body: { delta: 5 } };
    expect((await asking.expect('adjustStock', more, 201)).body).toEqual({ quantity: 15 });
    const again = await asking.expect('adjustStock', more, 201);
    expect([again.body, again.headers.get('idempotency-replayed')]).toEqual([{ quantity: 15 }, 'true']);
    await asking.expect('adjustStock', { ...more, body: { delta: 6 } }, 422, 'IDEMPOTENCY_KEY_REUSED');
    const change = (delta: number) => ({ token, path: { id }, body: { delta } });
    await asking.expect('adjustStock', change(-16), 409, 'STOCK_NEGATIVE');
    await asking.expect('adjustStock', change(999_999_999), 409, 'STOCK_LIMIT_EXCEEDED');
    await asking.expect('adjustStock', { ...change(1), path: { id: UNKNOWN } }, 404, 'PRODUCT_NOT_FOUND');
    expect((await asking.expect('getProduct', { path: { id } }, 200)).body['stock']).toBe(15);
  });

  it('sales: counted by day once an order is paid, and ranked', async () => {
    const operator = await asking.token(1, 'operator');
    const { token } = await person(asking);
    await asking.expect('topUpBalance', { token, body: { amount: '1000.00' } }, 201);
    const id = await product(asking);
    const body = { items: [{ productId: id, quantity: 3 }] };
    const paid = await asking.expect('placeOrder', { token, body, headers: { Prefer: 'wait=10' } }, 201);
    expect(paid.body['status']).toBe('PAID');
    const sales = () => asking.expect('listDailySales', { token: operator, path: { id } }, 200);
    await waitUntil(async () => ((await sales()).body.data ?? []).length > 0, { what: 'the sale counted' });
    const date = String(paid.body['paidAt']).slice(0, 10);
    expect((await sales()).body.data).toEqual([{ date, quantity: 3 }]);
    const span = { from: '2020-01-02', to: '2020-01-01' };
    const backwards = { token: operator, path: { id }, query: span };
    await asking.expect('listDailySales', backwards, 400, 'VALIDATION_FAILED');
    const unknown = { token: operator, path: { id: UNKNOWN } };
    await asking.expect('listDailySales', unknown, 404, 'PRODUCT_NOT_FOUND');
    const ranked = await asking.expect('listPopularProducts', { query: { days: 1, limit: 3 } }, 200);
    const rows = ranked.body.data ?? [];
    expect(rows.map(({ rank }) => rank)).toEqual(rows.map((_row, index) => index + 1));
    await asking.expect('listPopularProducts', { query: { days: 0 } }, 400, 'VALIDATION_FAILED');
  });
}

function describeCouponRows(asking: Asking): void {
  it('coupons: one a user, while there are any; who has one is told so even when all are gone', async () => {
    const admin = await asking.token(1, 'admin');
    const body = { name: 'Welcome', discountAmount: '3', quantity: 1 };
    const { body: source } = await asking.expect('createCouponSource', { token: admin, body }, 201);
    const id = Number(source['id']);
    expect(source).toEqual({ id, name: 'Welcome', discountAmount: '3.00', quantity: 1, initialQuantity: 1 });
    const [first, second] = [await person(asking), await person(asking)];
    const path = { id };
    const issued = await asking.expect('issueCoupon', { token: first.token, path }, 201);
    expect(issued.body).toMatchObject({ couponSourceId: id, status: 'UNUSED', usedAt: null });
    await asking.expect('issueCoupon', { token: second.token, path }, 409, 'SOLD_OUT');
    const again = await asking.expect('issueCoupon', { token: first.token, path }, 409, 'ALREADY_ISSUED');
    expect(again.body['couponId']).toBe(issued.body['id']);
    const unknown = { token: first.token, path: { id: UNKNOWN } };
    await asking.expect('issueCoupon', unknown, 404, 'COUPON_SOURCE_NOT_FOUND');
    const left = await asking.expect('listCouponSources', { query: beginningAt(id) }, 200);
    expect(left.body.data?.[0]).toMatchObject({ id, quantity: 0, initialQuantity: 1 });
    const own = await asking.expect('listCoupons', { token: first.token, query: { status: 'UNUSED' } }, 200);
    expect(own.body.data).toEqual([issued.body]);
    const none = await asking.expect('listCoupons', { token: second.token }, 200);
    expect(none.body).toEqual({ data: [], nextCursor: null });
  });

  it('sources: by id, in pages that a new one does not disturb', async () => {
    const token = await asking.token(1, 'admin');
    const body = { name: 'Welcome', discountAmount: '3.00', quantity: 1 };
    const create = () => asking.expect('createCouponSource', { token, body }, 201);
    const first = Number((await create()).body['id']);
    for (let count = 0; count < 4; count += 1) await create();
    const query = beginningAt(first);
    await expectStablePages(asking, 'listCouponSources', { query }, create, 'ascending');
  });
}
