import type { DataOf } from '@orderflow/shared-events/contract';
import type { OrderCancelled, OrderCancelling, OrderPaid } from '@orderflow/shared-events/order';
import {
  PARTICIPANTS,
  type DiscountedOrder,
  type OrderSoFar,
  type Participant,
  type Reason,
} from '@orderflow/shared-events/order-so-far';
import {
  isOpen,
  type CancelledOrder,
  type CancellingOrder,
  type Open,
  type Order,
  type Orders,
} from './order.ts';

/** Who or what asked: written beside the timeline row, so that a trace survives the relay. */
export interface Cause {
  readonly id: string | null;
  readonly traceparent: string | null;
}

/**
 * One change of an order, with the order after it. `order.progressed` is a line of the timeline only;
 * `answer-recorded` not even that. The others are published.
 */
export type OrderFact = { readonly order: Order; readonly cause: Cause } & (
  | { readonly type: 'order.progressed'; readonly stage: Exclude<Open, 'CREATED'>; readonly data: OrderSoFar }
  | { readonly type: 'order.paid'; readonly data: DataOf<typeof OrderPaid> }
  | { readonly type: 'order.cancelling'; readonly data: DataOf<typeof OrderCancelling> }
  | { readonly type: 'order.cancelled'; readonly data: DataOf<typeof OrderCancelled> }
  | { readonly type: 'answer-recorded'; readonly data: OrderSoFar }
);

/** A cancel, a refund or a time-out undoes everywhere: a step may be in flight (rule R5). */
export const EVERYONE: readonly Participant[] = PARTICIPANTS;

export function paid(data: DiscountedOrder, now: Date, cause: Cause): OrderFact {
  return {
    type: 'order.paid',
    order: { status: 'PAID', data, paidAt: now },
    data: { ...data, paidAt: now.toISOString() },
    cause,
  };
}

/** Starts the one compensation of an order; with nobody to compensate it is over at once. */
export function cancelling(
  from: { readonly data: OrderSoFar; readonly paidAt: Date | null },
  reason: Reason,
  compensate: readonly Participant[],
  now: Date,
  cause: Cause,
): OrderFact {
  const { data, paidAt } = from;
  if (compensate.length === 0) return cancelled({ data, paidAt, reason }, cause);
  return round(
    {
      status: 'CANCELLING',
      data,
      paidAt,
      reason,
      cancellingAt: now,
      attempt: 0,
      compensate,
      pending: compensate,
    },
    cause,
  );
}

/** The n-th nudge: order-cancelling again, as attempt n, to those who have not answered (rules R2, R7). */
function nudged(order: CancellingOrder, cause: Cause): OrderFact {
  return round({ ...order, attempt: order.attempt + 1, compensate: order.pending }, cause);
}

function round(order: CancellingOrder, cause: Cause): OrderFact {
  const { data, reason, compensate, attempt, paidAt } = order;
  return {
    type: 'order.cancelling',
    order,
    data: { ...data, reason, compensate: [...compensate], attempt, paidAt: paidAt?.toISOString() ?? null },
    cause,
  };
}

export function cancelled(from: Omit<CancelledOrder, 'status'>, cause: Cause): OrderFact {
  const { data, reason, paidAt } = from;
  return {
    type: 'order.cancelled',
    order: { status: 'CANCELLED', data, reason, paidAt },
    data: { ...data, reason, paidAt: paidAt?.toISOString() ?? null },
    cause,
  };
}

/** A user's cancel: before payment, or a refund after it. Nothing for an order that is being cancelled, or is. */
export function decideCancel(order: Order, now: Date, cause: Cause): readonly OrderFact[] {
  if (isOpen(order))
    return [cancelling({ ...order, paidAt: null }, 'CANCELLED_BY_USER', EVERYONE, now, cause)];
  if (order.status === 'PAID') return [cancelling(order, 'CANCELLED_BY_USER', EVERYONE, now, cause)];
  return [];
}

/** Whether a paid order can still be refunded: `windowDays` from its payment. */
export function refundOpen(paidAt: Date, now: Date, windowDays: number): boolean {
  return now.getTime() - paidAt.getTime() <= windowDays * 24 * 60 * 60 * 1000;
}

/** The deadline: an order that is late is undone everywhere. Only the sweeper finds out who is late. */
export function decideTimeOut(order: Order, now: Date, cause: Cause): readonly OrderFact[] {
  if (!isOpen(order)) return [];
  return [cancelling({ ...order, paidAt: null }, 'TIMED_OUT', EVERYONE, now, cause)];
}

/** An operator's nudge of an order that is stuck; nothing for one that is not being cancelled. */
export function decideNudge(order: Order, cause: Cause): readonly OrderFact[] {
  return order.status === 'CANCELLING' ? [nudged(order, cause)] : [];
}

export function withTransition(orders: Orders, fact: OrderFact): Orders {
  return orders.set(fact.data.orderId, fact.order);
}
