import { describe, expect, it } from '@jest/globals';
import type { Books } from './books.ts';
import { checkHistory } from './check-history.ts';
import type { AnyOperation, Operation, RequestKind, Requests } from './history.ts';

const USER = 7;

/** An operation that was answered. */
function answered<Kind extends RequestKind>(
  kind: Kind,
  [invokedAt, answeredAt]: readonly [number, number],
  request: Requests[Kind]['request'],
  answer: Requests[Kind]['answer'],
): AnyOperation {
  const outcome: Operation<Kind>['outcome'] = { is: 'answered', answer };
  return { kind, userId: USER, request, invokedAt, answeredAt, outcome } as unknown as AnyOperation;
}

function unanswered<Kind extends RequestKind>(
  kind: Kind,
  [invokedAt, answeredAt]: readonly [number, number],
  request: Requests[Kind]['request'],
): AnyOperation {
  const outcome: Operation<Kind>['outcome'] = { is: 'unknown', why: 'no answer' };
  return { kind, userId: USER, request, invokedAt, answeredAt, outcome } as unknown as AnyOperation;
}

const read = (at: readonly [number, number], amount: bigint) =>
  answered('read-balance', at, null, { amount });
const status = (at: readonly [number, number], text: string) =>
  answered('read-order', at, { orderId: 1 }, { status: text });
const items = [{ productId: 3, quantity: 2 }];

/** One user: tops up 100 (1–2) and 50 (5–6, read beside), orders for 30 (10–11), cancels (20–21) and gets it back. */
const OPERATIONS: readonly AnyOperation[] = [
  answered('top-up', [1, 2], { amount: 100n }, { recordId: 1, balance: 100n }),
  read([3, 4], 100n),
  answered('top-up', [5, 8], { amount: 50n }, { recordId: 2, balance: 150n }),
  read([6, 7], 100n),
  read([6, 9], 150n),
  answered('place-order', [10, 11], { items, couponId: 4 }, { orderId: 1 }),
  read([12, 13], 120n),
  status([12, 14], 'PAID'),
  status([12, 15], 'CREATED'),
  answered('cancel-order', [20, 21], { orderId: 1 }, { status: 'CANCELLING' }),
  status([22, 23], 'CANCELLED'),
  read([24, 25], 150n),
  answered('issue-coupon', [1, 3], { sourceId: 9 }, { couponId: 4 }),
];

const BOOKS: Books = {
  ledgers: new Map([
    [
      USER,
      [
        { id: 1, type: 'TOP_UP', amount: 100n, orderId: null },
        { id: 2, type: 'TOP_UP', amount: 50n, orderId: null },
        { id: 3, type: 'CHARGE', amount: 30n, orderId: 1 },
        { id: 4, type: 'REFUND', amount: 30n, orderId: 1 },
      ],
    ],
  ]),
  orders: [{ id: 1, userId: USER, status: 'CANCELLED', couponId: 4, items }],
  coupons: [{ id: 4, userId: USER, sourceId: 9 }],
};

const order = BOOKS.orders[0]!;
const ledger = BOOKS.ledgers.get(USER)!;
const withLedger = (rows: typeof ledger): Books => ({ ...BOOKS, ledgers: new Map([[USER, rows]]) });
const withOrder = (changed: Partial<typeof order>): Books => ({
  ...BOOKS,
  orders: [{ ...order, ...changed }],
});
const plus = (...more: readonly AnyOperation[]) => [...OPERATIONS, ...more];

interface Planted {
  readonly what: string;
  readonly operations?: readonly AnyOperation[];
  readonly books?: Books;
  readonly found: string;
}

const PLANTED: readonly Planted[] = [
  { what: 'an accepted order that is gone', books: { ...BOOKS, orders: [] }, found: 'LOST_WRITE order 1' },
  {
    what: 'an accepted order with other items',
    books: withOrder({ items: [{ productId: 3, quantity: 1 }] }),
    found: 'LOST_WRITE order 1',
  },
  { what: 'an order of another user', books: withOrder({ userId: 8 }), found: 'LOST_WRITE order 1' },
  {
    what: 'an order twice',
    books: { ...BOOKS, orders: [order, { ...order, id: 2 }] },
    found: 'PHANTOM_WRITE order 2',
  },
  {
    what: 'two requests answered with one order',
    operations: plus(answered('place-order', [10, 12], { items, couponId: 4 }, { orderId: 1 })),
    found: 'WRONG_ANSWER order 1',
  },
  {
    what: 'a cancelling that was accepted and forgotten',
    books: withOrder({ status: 'PAID' }),
    found: 'CANCEL_FORGOTTEN order 1',
  },
  {
    what: 'a status that goes back',
    operations: plus(status([30, 31], 'PAID')),
    found: 'STATUS_WENT_BACK order 1',
  },
  {
    what: 'an answered top-up that is gone',
    books: withLedger([...ledger.slice(0, 1), ...ledger.slice(2)]),
    found: 'LOST_WRITE top-up 2 of user 7',
  },
  {
    what: 'a top-up with another amount',
    books: withLedger(ledger.map((row) => (row.id === 2 ? { ...row, amount: 51n } : row))),
    found: 'LOST_WRITE top-up 2 of user 7',
  },
  {
    what: 'a top-up twice',
    books: withLedger([...ledger, { id: 5, type: 'TOP_UP', amount: 50n, orderId: null }]),
    found: 'PHANTOM_WRITE top-up 5 of user 7',
  },
  {
    what: 'two top-ups answered with one record',
    operations: plus(answered('top-up', [5, 9], { amount: 50n }, { recordId: 2, balance: 150n })),
    found: 'WRONG_ANSWER top-up 2 of user 7',
  },
  {
    what: 'a balance told that it was not',
    operations: [
      answered('top-up', [1, 2], { amount: 100n }, { recordId: 1, balance: 90n }),
      ...OPERATIONS.slice(1),
    ],
    found: 'WRONG_ANSWER top-up 1 of user 7',
  },
  {
    what: 'a balance that never was',
    operations: plus(read([26, 27], 140n)),
    found: 'IMPOSSIBLE_BALANCE user 7',
  },
  {
    what: 'a balance without one’s own answered top-up (a stale read)',
    operations: plus(read([9, 9.5], 100n)),
    found: 'IMPOSSIBLE_BALANCE user 7',
  },
  {
    what: 'a balance that goes back from one read to the next',
    operations: plus(read([14, 15], 100n)),
    found: 'IMPOSSIBLE_BALANCE user 7',
  },
  {
    what: 'a charge seen before its order was sent',
    operations: plus(read([8.5, 9.5], 120n)),
    found: 'IMPOSSIBLE_BALANCE user 7',
  },
  { what: 'an issued coupon that is gone', books: { ...BOOKS, coupons: [] }, found: 'LOST_WRITE coupon 4' },
  {
    what: 'a coupon of another user',
    books: { ...BOOKS, coupons: [{ id: 4, userId: 8, sourceId: 9 }] },
    found: 'LOST_WRITE coupon 4',
  },
  {
    what: 'a coupon that nobody was told of',
    books: { ...BOOKS, coupons: [...BOOKS.coupons, { id: 5, userId: USER, sourceId: 10 }] },
    found: 'PHANTOM_WRITE coupon 5',
  },
];

describe('checkHistory', () => {
  it('finds nothing in a history that its books bear', () => {
    expect(checkHistory(OPERATIONS, BOOKS)).toEqual([]);
  });

  it('lets a request without an answer have happened, or not', () => {
    const unsure = plus(
      unanswered('top-up', [30, 90], { amount: 5n }),
      unanswered('place-order', [30, 90], { items, couponId: null }),
    );
    expect(checkHistory(unsure, BOOKS)).toEqual([]);
    const happened: Books = {
      ...withLedger([...ledger, { id: 5, type: 'TOP_UP', amount: 5n, orderId: null }]),
      orders: [order, { ...order, id: 2, couponId: null, status: 'PAID' }],
    };
    expect(checkHistory(unsure, happened)).toEqual([]);
  });

  it.each(PLANTED)('finds $what', ({ operations = OPERATIONS, books = BOOKS, found }) => {
    const violations = checkHistory(operations, books);
    expect(violations.map(({ rule, subject }) => `${rule} ${subject}`)).toContain(found);
  });

  it('leaves what was refused out of the books', () => {
    const outcome: Operation<'top-up'>['outcome'] = { is: 'refused', code: 'BALANCE_LIMIT_EXCEEDED' };
    const refused = {
      kind: 'top-up',
      userId: USER,
      request: { amount: 9n },
      invokedAt: 30,
      answeredAt: 31,
      outcome,
    } as const;
    const books = withLedger([...ledger, { id: 5, type: 'TOP_UP', amount: 9n, orderId: null }]);
    expect(checkHistory(plus(refused), books)).toContainEqual(
      expect.objectContaining({ rule: 'PHANTOM_WRITE' }),
    );
  });
});
