import type { BalanceCharged, BalanceRefunded, BalanceRejected } from '@orderflow/shared-events/user-balance';
import type { CouponApplied, CouponRejected, CouponRestored } from '@orderflow/shared-events/coupon';
import type { PaymentCompleted, PaymentRefunded, PaymentRejected } from '@orderflow/shared-events/payment';
import type { StockRejected, StockReleased, StockReserved } from '@orderflow/shared-events/product';
import type { OrderSoFar, Participant } from '@orderflow/shared-events/order-so-far';
import { isOpen, stagesBetween, type Open, type OpenOrder, type Order, type Orders } from './order.ts';
import { cancelled, cancelling, paid, type Cause, type OrderFact } from './transition.ts';

export type ForwardEvent = StockReserved | CouponApplied | BalanceCharged | PaymentCompleted;
export type Rejection = StockRejected | CouponRejected | BalanceRejected | PaymentRejected;
export type Answer = StockReleased | CouponRestored | BalanceRefunded | PaymentRefunded;
export type ParticipantEvent = ForwardEvent | Rejection | Answer;

/** A rejection at one step undoes the steps before it (rule R5), and tells that the order had come that far (R4). */
const REJECTIONS: Record<Rejection['type'], { reached: Open; compensate: readonly Participant[] }> = {
  'stock.rejected': { reached: 'CREATED', compensate: [] },
  'coupon.rejected': { reached: 'STOCK_RESERVED', compensate: ['stock'] },
  'balance.rejected': { reached: 'COUPON_APPLIED', compensate: ['stock', 'coupon'] },
  'payment.rejected': { reached: 'BALANCE_CHARGED', compensate: ['stock', 'coupon', 'balance'] },
};

const ANSWERS: Record<Answer['type'], Participant> = {
  'stock.released': 'stock',
  'coupon.restored': 'coupon',
  'balance.refunded': 'balance',
  'payment.refunded': 'payment',
};

/**
 * The order service's whole part of the saga. Total: what is early, late, repeated or of an unknown order gives no
 * facts. In CANCELLING and CANCELLED forward events and rejections change nothing, not even prices.
 */
export function advance(orders: Orders, event: ParticipantEvent, now: Date): readonly OrderFact[] {
  const order = orders.get(event.data.orderId);
  if (!order) return [];
  const cause: Cause = { id: event.id, traceparent: event.traceparent };
  switch (event.type) {
    case 'stock.reserved':
      return progress(order, 'STOCK_RESERVED', event.data, cause);
    case 'coupon.applied':
      return progress(order, 'COUPON_APPLIED', event.data, cause);
    case 'balance.charged':
      return progress(order, 'BALANCE_CHARGED', event.data, cause);
    case 'payment.completed':
      return pay(order, event, now, cause);
    case 'stock.rejected':
    case 'coupon.rejected':
    case 'balance.rejected':
    case 'payment.rejected':
      return reject(order, event, now, cause);
    case 'stock.released':
    case 'coupon.restored':
    case 'balance.refunded':
    case 'payment.refunded':
      return recordAnswer(order, ANSWERS[event.type], cause);
  }
}

/** Moves an open order on to `stage`; below or at its own progress nothing happens (rule R4). */
function progress(
  order: Order,
  stage: Exclude<Open, 'CREATED'>,
  event: OrderSoFar,
  cause: Cause,
): readonly OrderFact[] {
  return isOpen(order) ? climb(order, stage, withPrices(order.data, event), cause) : [];
}

function pay(order: Order, event: PaymentCompleted, now: Date, cause: Cause): readonly OrderFact[] {
  if (!isOpen(order)) return [];
  const data = { ...event.data, ...withPrices(order.data, event.data) } as PaymentCompleted['data'];
  return [...climb(order, 'BALANCE_CHARGED', data, cause), paid(data, now, cause)];
}

function reject(order: Order, event: Rejection, now: Date, cause: Cause): readonly OrderFact[] {
  if (!isOpen(order)) return [];
  const { reached, compensate } = REJECTIONS[event.type];
  const data = withPrices(order.data, event.data);
  return [
    ...climb(order, reached, data, cause),
    cancelling({ data, paidAt: null }, event.data.reason, compensate, now, cause),
  ];
}

/** An answer of any attempt removes its name; one that is not pending changes nothing (rules R3, R7). */
function recordAnswer(order: Order, participant: Participant, cause: Cause): readonly OrderFact[] {
  if (order.status !== 'CANCELLING' || !order.pending.includes(participant)) return [];
  const pending = order.pending.filter((name) => name !== participant);
  if (pending.length === 0) return [cancelled(order, cause)];
  return [{ type: 'answer-recorded', order: { ...order, pending }, data: order.data, cause }];
}

/** One line of the timeline for each stage that the order has passed, the skipped ones included, all with this data. */
function climb(order: OpenOrder, to: Open, data: OrderSoFar, cause: Cause): OrderFact[] {
  return stagesBetween(order.status, to).map((stage) => ({
    type: 'order.progressed',
    stage: stage as Exclude<Open, 'CREATED'>,
    order: { status: stage as Open, data },
    data,
    cause,
  }));
}

/**
 * The order with the prices and amounts that the event is the first to bring (rule R4). What was ordered, and by whom,
 * stays as the order's own rows say.
 */
function withPrices(own: OrderSoFar, event: OrderSoFar): OrderSoFar {
  const prices = new Map(event.items.map((item) => [item.productId, item]));
  return {
    ...own,
    items: own.items.map((item) => ({
      ...item,
      unitPrice: item.unitPrice ?? prices.get(item.productId)?.unitPrice ?? null,
      totalPrice: item.totalPrice ?? prices.get(item.productId)?.totalPrice ?? null,
    })),
    originalAmount: own.originalAmount ?? event.originalAmount,
    discountAmount: own.discountAmount ?? event.discountAmount,
    totalAmount: own.totalAmount ?? event.totalAmount,
  };
}
