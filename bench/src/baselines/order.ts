import { formatAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { OrderRequest } from './orders-route.ts';

/** An order whose lines have prices. */
export interface PaidOrder {
  readonly id: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly lines: readonly PricedLine[];
  readonly originalAmount: AmountMinor;
  readonly discountAmount: AmountMinor;
  readonly totalAmount: AmountMinor;
  /** Of the database's clock: the transaction's start. */
  readonly paidAt: Date;
}

export interface PricedLine {
  readonly productId: number;
  readonly quantity: number;
  readonly unitPrice: AmountMinor;
  readonly totalPrice: AmountMinor;
}

export type RefusalReason =
  | 'PRODUCT_NOT_FOUND'
  | 'PRODUCT_NOT_ON_SALE'
  | 'OUT_OF_STOCK'
  | 'COUPON_NOT_FOUND'
  | 'COUPON_ALREADY_USED'
  | 'INSUFFICIENT_BALANCE';

/** Rolls an order's transaction back; the order is then stored as CANCELLED. */
export class OrderRefused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(reason);
    this.name = 'OrderRefused';
    this.reason = reason;
  }
}

/** What the lines cost, less the coupon: a discount never passes the original amount. */
export function amountsOf(lines: readonly PricedLine[], couponAmount: AmountMinor) {
  const originalAmount = lines.reduce((sum, line) => sum + line.totalPrice, 0n);
  const discountAmount = couponAmount < originalAmount ? couponAmount : originalAmount;
  return { originalAmount, discountAmount, totalAmount: originalAmount - discountAmount };
}

/** A paid order as Orderflow's API shows it; also the snapshot of its event. */
export function paidOrderJson(order: PaidOrder): string {
  const paidAt = order.paidAt.toISOString();
  return JSON.stringify({
    id: order.id,
    userId: order.userId,
    status: 'PAID',
    couponId: order.couponId,
    originalAmount: formatAmount(order.originalAmount),
    discountAmount: formatAmount(order.discountAmount),
    totalAmount: formatAmount(order.totalAmount),
    failureReason: null,
    items: order.lines.map((line) => ({
      productId: line.productId,
      quantity: line.quantity,
      unitPrice: formatAmount(line.unitPrice),
      totalPrice: formatAmount(line.totalPrice),
    })),
    createdAt: paidAt,
    updatedAt: paidAt,
    paidAt,
  });
}

/** An order without prices: accepted at `at`, or refused then. */
export function unpricedOrderJson(
  id: number,
  { userId, couponId, items }: OrderRequest,
  failureReason: RefusalReason | null,
  at: Date,
): string {
  const createdAt = at.toISOString();
  return JSON.stringify({
    id,
    userId,
    status: failureReason === null ? 'CREATED' : 'CANCELLED',
    couponId,
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
    failureReason,
    items: items.map((item) => ({ ...item, unitPrice: null, totalPrice: null })),
    createdAt,
    updatedAt: createdAt,
    paidAt: null,
  });
}
