import { OrderCreated, OrderPaid } from '@orderflow/shared-events/order';
import { CouponApplied } from '@orderflow/shared-events/coupon';
import { encodeMessage, type Message, type Origin } from '@orderflow/shared-events/envelope';
import type { OrderSoFar } from '@orderflow/shared-events/order-so-far';
import { PaymentCompleted } from '@orderflow/shared-events/payment';
import { StockReserved } from '@orderflow/shared-events/product';
import { BalanceCharged } from '@orderflow/shared-events/user-balance';

/** An order of one line, which ends paid. */
export interface TrailOrder {
  readonly orderId: number;
  readonly userId: number;
  readonly productId: number;
}

/** Cents; no coupon takes anything off it. */
const PRICE = 1_000n;
const TIME = new Date('2026-03-01T12:00:00.000Z');
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Topics of a paid order, in the order of its events, and how many steps read each: nine reads in all. */
export const READERS: Readonly<Record<string, number>> = {
  [OrderCreated.topic]: 1,
  [StockReserved.topic]: 2,
  [CouponApplied.topic]: 2,
  [BalanceCharged.topic]: 2,
  [PaymentCompleted.topic]: 1,
  [OrderPaid.topic]: 1,
};

/** The six events of an order, in their order. */
export function trailOf({ orderId, userId, productId }: TrailOrder): Message[] {
  const origin: Origin = { time: TIME, causationId: `order-created/${orderId}`, traceparent: TRACEPARENT };
  const line = { productId, quantity: 1, expectedUnitPrice: null };
  const unknown = { originalAmount: null, discountAmount: null, totalAmount: null };
  const created: OrderSoFar = {
    orderId,
    userId,
    couponId: null,
    items: [{ ...line, unitPrice: null, totalPrice: null }],
    ...unknown,
  };
  const priced = {
    ...created,
    items: [{ ...line, unitPrice: PRICE, totalPrice: PRICE }],
    originalAmount: PRICE,
  };
  const discounted = { ...priced, discountAmount: 0n, totalAmount: PRICE };
  return [
    encodeMessage(OrderCreated, created, origin),
    encodeMessage(StockReserved, priced, origin),
    encodeMessage(CouponApplied, discounted, origin),
    encodeMessage(BalanceCharged, discounted, origin),
    encodeMessage(PaymentCompleted, discounted, origin),
    encodeMessage(OrderPaid, { ...discounted, paidAt: TIME.toISOString() }, origin),
  ];
}
