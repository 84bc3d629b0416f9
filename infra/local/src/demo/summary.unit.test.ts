import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import { isRight, percentile, summaryLines, type DemoRun } from './summary.ts';

function order(
  status: Order['status'],
  failureReason: Order['failureReason'] = null,
  paidAfterMs: number | null = null,
): Order {
  const createdAt = new Date(0);
  return {
    id: 1,
    userId: 1,
    status,
    couponId: null,
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
    failureReason,
    items: [],
    createdAt: createdAt.toISOString(),
    updatedAt: createdAt.toISOString(),
    paidAt: paidAfterMs === null ? null : new Date(paidAfterMs).toISOString(),
  };
}

const exact = {
  kind: 'checked',
  ok: true,
  orders: 4,
  elapsedMs: 5,
  invariants: [],
  deadLetters: {},
} as const;

const run: DemoRun = {
  placed: 4,
  orders: [
    order('PAID', null, 30),
    order('CANCELLED', 'OUT_OF_STOCK'),
    order('CANCELLED', 'CANCELLED_BY_USER', 50),
    order('CANCELLED', 'CANCELLED_BY_USER'),
  ],
  expected: new Map([
    ['PAID', 1],
    ['OUT_OF_STOCK', 1],
    ['CANCELLED_BY_USER', 2],
  ]),
  elapsedMs: 1000,
  books: exact,
};

const stuck = { ...run, orders: [...run.orders.slice(1), order('CANCELLING')] };

describe('a demo is right', () => {
  it('when every order ended as planned and the books are exact', () => {
    expect(isRight(run)).toBe(true);
  });

  it.each([
    ['an order is still open', stuck],
    ['an order was never seen', { ...run, orders: run.orders.slice(1) }],
    ['an outcome came too often', { ...run, placed: 5, orders: [...run.orders, order('PAID', null, 1)] }],
    [
      'an outcome came that was not planned',
      { ...run, placed: 5, orders: [...run.orders, order('CANCELLED', 'TIMED_OUT')] },
    ],
    ['a planned outcome did not come', { ...run, expected: new Map([...run.expected, ['TIMED_OUT', 1]]) }],
    ['an invariant is broken', { ...run, books: { ...exact, ok: false } }],
    ['the books never came to rest', { ...run, books: { kind: 'not-at-rest', waitingFor: [] } }],
  ] as ReadonlyArray<[string, DemoRun]>)('not when %s', (_title, changed) => {
    expect(isRight(changed)).toBe(false);
  });
});

describe('the summary', () => {
  const lines = summaryLines(run).join('\n');

  it('tells a cancel before the payment from a refund after it', () => {
    expect(lines).toMatch(/CANCELLED_BY_USER +2 +1 before the payment, 1 refunded after it/);
  });

  it('counts as compensated only orders that had taken something', () => {
    expect(lines).toMatch(/compensated +2/);
  });

  it('names what is stuck and what was planned otherwise', () => {
    const text = summaryLines(stuck).join('\n');
    expect(text).toMatch(/stuck +1/);
    expect(text).toMatch(/paid +0 +planned: 1/);
  });

  it('measures from the order to its payment, refunded orders included', () => {
    expect(lines).toContain('p50 30 ms, p95 50 ms, 2 orders');
  });
});

describe('a percentile', () => {
  it('is the nearest rank', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.95, 1].map((share) => percentile(sorted, share))).toEqual([50, 95, 100]);
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([], 0.5)).toBeNull();
  });
});
