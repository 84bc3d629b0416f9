import { describe, expect, it } from '@jest/globals';
import type { Participant } from '@orderflow/shared-events/order-so-far';
import {
  balanceCharged,
  balanceRefunded,
  balanceRejected,
  couponApplied,
  couponRejected,
  couponRestored,
  orderCreated,
  paymentCompleted,
  paymentRefunded,
  paymentRejected,
  stockRejected,
  stockReleased,
  stockReserved,
} from '@orderflow/testing/events';
import { specification } from '@orderflow/testing/specification';
import { advance } from './advance.ts';
import type { CancellingOrder, Open, Order } from './order.ts';
import { withTransition } from './transition.ts';

const NOW = new Date('2026-02-03T04:05:06.789Z');
const unpriced = orderCreated().data;
const whole = paymentCompleted().data;
const { orderId } = unpriced;

const given = specification({
  initial: (orders: readonly Order[]) => new Map(orders.map((order) => [order.data.orderId, order])),
  decide: advance,
  evolve: withTransition,
  now: NOW,
});

const open = (status: Open): Order => ({ status, data: status === 'CREATED' ? unpriced : whole });
const paid: Order = { status: 'PAID', data: whole, paidAt: NOW };
const cancelled: Order = { status: 'CANCELLED', data: whole, paidAt: null, reason: 'TIMED_OUT' };
const cancelling = (
  pending: readonly Participant[],
  part: Partial<CancellingOrder> = {},
): CancellingOrder => ({
  status: 'CANCELLING',
  data: whole,
  paidAt: null,
  reason: 'TIMED_OUT',
  cancellingAt: NOW,
  attempt: 0,
  compensate: ['stock', 'coupon', 'balance', 'payment'],
  pending,
  ...part,
});
const stage = (name: string) => ({ type: 'order.progressed' as const, stage: name as 'STOCK_RESERVED' });

const FORWARD = [stockReserved(), couponApplied(), balanceCharged(), paymentCompleted()];
const REJECTIONS = [stockRejected(), couponRejected(), balanceRejected(), paymentRejected()];
const ANSWERS = [stockReleased(), couponRestored(), balanceRefunded(), paymentRefunded()];

describe('order.advance: the way up', () => {
  it('climbs one stage with each event and is paid by the last', () =>
    given(open('CREATED'))
      .when(...FORWARD)
      .then(
        { type: 'order.progressed', stage: 'STOCK_RESERVED', order: { status: 'STOCK_RESERVED' } },
        { type: 'order.progressed', stage: 'COUPON_APPLIED', order: { status: 'COUPON_APPLIED' } },
        { type: 'order.progressed', stage: 'BALANCE_CHARGED', order: { status: 'BALANCE_CHARGED' } },
        { type: 'order.paid', order: { status: 'PAID', paidAt: NOW }, data: { paidAt: NOW.toISOString() } },
      ));

  it('takes prices and amounts from the first event that brings them', () =>
    given(open('CREATED'))
      .when(stockReserved())
      .then({
        ...stage('STOCK_RESERVED'),
        data: { items: whole.items, originalAmount: whole.originalAmount, totalAmount: null },
      }));

  it('keeps the prices it has', () =>
    given(open('STOCK_RESERVED'))
      .when(couponApplied({ originalAmount: 1n, totalAmount: 1n }))
      .then({ data: { originalAmount: whole.originalAmount, totalAmount: whole.totalAmount } }));

  it('writes every skipped stage, in ladder order, when a later event overtakes (R4)', () =>
    given(open('CREATED'))
      .when(paymentCompleted())
      .then(stage('STOCK_RESERVED'), stage('COUPON_APPLIED'), stage('BALANCE_CHARGED'), {
        type: 'order.paid',
        data: { totalAmount: whole.totalAmount, items: whole.items },
      }));

  it('ignores what arrives below or at its own stage', () =>
    given(open('BALANCE_CHARGED')).when(stockReserved(), couponApplied(), balanceCharged()).then());

  it('names the event as the cause, and passes its trace on', () =>
    given(open('CREATED'))
      .when({ ...stockReserved(), traceparent: '00-a-b-01' })
      .then({ cause: { id: `stock-reserved/${orderId}`, traceparent: '00-a-b-01' } }));

  it.each([...FORWARD, ...REJECTIONS])('ignores $type once paid, cancelling or cancelled', (event) => {
    given(paid).when(event).then();
    given(cancelled).when(event).then();
    given(cancelling(['stock']))
      .when(event)
      .then();
  });

  it.each([...FORWARD, ...REJECTIONS, ...ANSWERS])('ignores $type of an order it does not know', (event) =>
    given().when(event).then(),
  );
});

describe('order.advance: refusals', () => {
  it('ends at once when nothing was taken from stock', () =>
    given(open('CREATED'))
      .when(stockRejected({ reason: 'PRICE_CHANGED' }))
      .then({
        type: 'order.cancelled',
        order: { status: 'CANCELLED' },
        data: { reason: 'PRICE_CHANGED', paidAt: null },
      }));

  it.each([
    [couponRejected(), 'STOCK_RESERVED', ['stock']],
    [balanceRejected(), 'COUPON_APPLIED', ['stock', 'coupon']],
    [paymentRejected(), 'BALANCE_CHARGED', ['stock', 'coupon', 'balance']],
  ] as const)('compensates the steps before the one that refused: %j', (event, reached, compensate) => {
    given(open(reached))
      .when(event)
      .then({
        type: 'order.cancelling',
        order: { status: 'CANCELLING', pending: compensate, attempt: 0, cancellingAt: NOW },
        data: { reason: event.data.reason, compensate, attempt: 0, paidAt: null },
      });
  });

  it('writes the skipped stages of a refusal that overtakes', () =>
    given(open('CREATED'))
      .when(paymentRejected())
      .then(stage('STOCK_RESERVED'), stage('COUPON_APPLIED'), stage('BALANCE_CHARGED'), {
        type: 'order.cancelling',
      }));

  it('keeps the first reason', () =>
    given(open('COUPON_APPLIED'))
      .when(balanceRejected(), paymentRejected())
      .then({ data: { reason: 'INSUFFICIENT_BALANCE' } }));
});

describe('order.advance: answers', () => {
  it('is cancelled by the last answer, whatever the order', () =>
    given(cancelling(['stock', 'coupon']))
      .when(couponRestored(), stockReleased())
      .then(
        { type: 'answer-recorded', order: { status: 'CANCELLING', pending: ['stock'] } },
        { type: 'order.cancelled', order: { status: 'CANCELLED' }, data: { reason: 'TIMED_OUT' } },
      ));

  it('does not count one participant twice (R3)', () =>
    given(cancelling(['stock', 'coupon']))
      .when(stockReleased(), stockReleased({ attempt: 1 }))
      .then({ type: 'answer-recorded' }));

  it('ignores an answer of a participant that is not pending', () =>
    given(cancelling(['stock']))
      .when(couponRestored(), balanceRefunded(), paymentRefunded())
      .then());

  it('accepts the answer to an earlier attempt', () =>
    given(cancelling(['payment'], { attempt: 2 }))
      .when(paymentRefunded({ attempt: 0 }))
      .then({ type: 'order.cancelled' }));

  it('says that the order had been paid', () =>
    given(cancelling(['payment'], { paidAt: NOW }))
      .when(paymentRefunded())
      .then({ data: { paidAt: NOW.toISOString() } }));

  it.each(ANSWERS)('ignores $type outside CANCELLING', (event) => {
    for (const order of [open('CREATED'), open('BALANCE_CHARGED'), paid, cancelled])
      given(order).when(event).then();
  });
});

it('leaves the order it was given as it was', () => {
  const order = open('CREATED');
  const before = structuredClone(order);
  advance(new Map([[orderId, order]]), paymentCompleted(), NOW);
  expect(order).toEqual(before);
});
