import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderSoFar } from '@orderflow/shared-events/order-so-far';

/** What a client asks for; checked at the door: 1–50 lines, each product once, quantities 1–1000. */
export interface OrderRequest {
  readonly userId: number;
  readonly couponId: number | null;
  readonly items: readonly {
    readonly productId: number;
    readonly quantity: number;
    readonly unitPrice: AmountMinor | null;
  }[];
}

/** The order as it is accepted: nothing of it is priced yet. Its lines are kept by product id. */
export function acceptedOrder(orderId: number, { userId, couponId, items }: OrderRequest): OrderSoFar {
  return {
    orderId,
    userId,
    couponId,
    items: items
      .map(({ productId, quantity, unitPrice }) => ({
        productId,
        quantity,
        expectedUnitPrice: unitPrice,
        unitPrice: null,
        totalPrice: null,
      }))
      .sort((a, b) => a.productId - b.productId),
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
  };
}

/** The first product that stands in more than one line, or null. */
export function duplicateProduct(items: OrderRequest['items']): number | null {
  const seen = new Set<number>();
  for (const { productId } of items) {
    if (seen.has(productId)) return productId;
    seen.add(productId);
  }
  return null;
}

/** How many orders are open, counted by the deadline sweeper every second, under load every five: the intake refuses more above its limit. */
export interface OpenOrderCount {
  open: number;
}
