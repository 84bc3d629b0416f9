import type { OrderSoFar, Participant, Reason } from '@orderflow/shared-events/order-so-far';

/** The ladder of an order that goes well, lowest first. */
export const LADDER = ['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'PAID'] as const;
export type Progress = (typeof LADDER)[number];
export type Open = Exclude<Progress, 'PAID'>;
export type OrderStatus = Progress | 'CANCELLING' | 'CANCELLED';
/** In the only order they come in; some may be skipped, none comes back. */
const STATUSES: readonly OrderStatus[] = [...LADDER, 'CANCELLING', 'CANCELLED'];

export interface OpenOrder {
  readonly status: Open;
  readonly data: OrderSoFar;
}

export interface PaidOrder {
  readonly status: 'PAID';
  readonly data: OrderSoFar;
  readonly paidAt: Date;
}

export interface CancellingOrder {
  readonly status: 'CANCELLING';
  readonly data: OrderSoFar;
  readonly paidAt: Date | null;
  readonly reason: Reason;
  readonly cancellingAt: Date;
  /** Of the last round of order-cancelling: 0, then 1 for the first nudge (rule R2). */
  readonly attempt: number;
  readonly compensate: readonly Participant[];
  /** Who has not answered yet: a set, never a counter (rule R3). */
  readonly pending: readonly Participant[];
}

export interface CancelledOrder {
  readonly status: 'CANCELLED';
  readonly data: OrderSoFar;
  readonly paidAt: Date | null;
  readonly reason: Reason;
}

export type Order = OpenOrder | PaidOrder | CancellingOrder | CancelledOrder;

/** What a batch works on: its orders by id. It belongs to the batch and changes in place. */
export type Orders = Map<number, Order>;

export function isOpen(order: Order): order is OpenOrder {
  return order.status !== 'PAID' && order.status !== 'CANCELLING' && order.status !== 'CANCELLED';
}

export function isLater(status: OrderStatus, than: OrderStatus): boolean {
  return STATUSES.indexOf(status) > STATUSES.indexOf(than);
}

/** Nothing follows by itself: who waits for an order or watches it is told no more. A refund may follow PAID. */
export function isFinal(status: OrderStatus): boolean {
  return status === 'PAID' || status === 'CANCELLED';
}

/** The stages above `from` up to `to`, in the order of the ladder; none when `to` is not above. */
export function stagesBetween(from: Progress, to: Progress): Progress[] {
  return LADDER.slice(LADDER.indexOf(from) + 1, LADDER.indexOf(to) + 1);
}
