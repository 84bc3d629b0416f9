import { describe, expect, it } from '@jest/globals';
import { orderCreated, paymentCompleted } from '@orderflow/testing/events';
import type { Open, Order } from './order.ts';
import { decideCancel, decideNudge, decideTimeOut, refundOpen, type Cause } from './transition.ts';

const NOW = new Date('2026-02-03T04:05:06.789Z');
const CAUSE: Cause = { id: 'request-1', traceparent: null };
const EVERYONE = ['stock', 'coupon', 'balance', 'payment'];
const data = paymentCompleted().data;
const OPEN: readonly Open[] = ['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED'];

const paid: Order = { status: 'PAID', data, paidAt: NOW };
const cancelled: Order = { status: 'CANCELLED', data, paidAt: null, reason: 'TIMED_OUT' };
const cancelling: Order = {
  status: 'CANCELLING',
  data,
  paidAt: null,
  reason: 'TIMED_OUT',
  cancellingAt: NOW,
  attempt: 0,
  compensate: ['stock', 'coupon'],
  pending: ['coupon'],
};

describe("a user's cancel", () => {
  it.each(OPEN)('undoes everywhere, since a step may be in flight: %s', (status) => {
    const order: Order = { status, data: orderCreated().data };
    expect(decideCancel(order, NOW, CAUSE)).toMatchObject([
      {
        type: 'order.cancelling',
        order: { status: 'CANCELLING', pending: EVERYONE, cancellingAt: NOW, paidAt: null },
        data: { reason: 'CANCELLED_BY_USER', compensate: EVERYONE, attempt: 0, paidAt: null },
      },
    ]);
  });

  it('of a paid order is a refund: it says when the order was paid', () => {
    expect(decideCancel(paid, NOW, CAUSE)).toMatchObject([
      {
        order: { status: 'CANCELLING', paidAt: NOW },
        data: { compensate: EVERYONE, paidAt: NOW.toISOString() },
      },
    ]);
  });

  it('changes nothing while the order is being cancelled: one compensation, one reason (R5)', () => {
    expect(decideCancel(cancelling, NOW, CAUSE)).toEqual([]);
    expect(decideCancel(cancelled, NOW, CAUSE)).toEqual([]);
  });
});

describe('a refund', () => {
  it('is open to the last millisecond of its window', () => {
    const day = 24 * 60 * 60 * 1000;
    expect(refundOpen(NOW, new Date(NOW.getTime() + 30 * day), 30)).toBe(true);
    expect(refundOpen(NOW, new Date(NOW.getTime() + 30 * day + 1), 30)).toBe(false);
  });
});

describe('a time-out', () => {
  it.each(OPEN)('undoes everywhere: %s', (status) => {
    expect(decideTimeOut({ status, data }, NOW, CAUSE)).toMatchObject([
      { type: 'order.cancelling', data: { reason: 'TIMED_OUT', compensate: EVERYONE } },
    ]);
  });

  it('never touches an order that is paid, being cancelled or cancelled', () => {
    for (const order of [paid, cancelling, cancelled]) expect(decideTimeOut(order, NOW, CAUSE)).toEqual([]);
  });
});

describe('a nudge', () => {
  it('asks those who are still pending, as the next attempt (R2)', () => {
    expect(decideNudge(cancelling, CAUSE)).toMatchObject([
      {
        type: 'order.cancelling',
        order: { attempt: 1, compensate: ['coupon'], pending: ['coupon'], cancellingAt: NOW },
        data: { compensate: ['coupon'], attempt: 1, reason: 'TIMED_OUT' },
      },
    ]);
  });

  it('is nothing for an order that is not being cancelled', () => {
    for (const order of [paid, cancelled, { status: 'CREATED', data } as const]) {
      expect(decideNudge(order, CAUSE)).toEqual([]);
    }
  });
});
