import { eventId, type DataOf, type EventContract, type EventOf } from '@orderflow/shared-events/contract';
import type { DiscountedOrder } from '@orderflow/shared-events/order-so-far';

/** An order with every amount known: one line of 10.00, no coupon. Tests name what they are about. */
export function anOrder(part: Partial<DiscountedOrder> = {}): DiscountedOrder {
  return {
    orderId: 1,
    userId: 1,
    couponId: null,
    items: [{ productId: 1, quantity: 1, expectedUnitPrice: null, unitPrice: 1000n, totalPrice: 1000n }],
    originalAmount: 1000n,
    discountAmount: 0n,
    totalAmount: 1000n,
    ...part,
  };
}

/** An event as a step receives it. */
export function received<C extends EventContract>(contract: C, data: DataOf<C>): EventOf<C> {
  const { type, version } = contract;
  const event = { type, version, id: eventId(contract, data), data, traceparent: null };
  return event as unknown as EventOf<C>;
}
