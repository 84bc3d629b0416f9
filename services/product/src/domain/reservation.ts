import type { DataOf } from '@orderflow/shared-events/contract';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCreated } from '@orderflow/shared-events/order';
import type { StockRejected, StockReserved } from '@orderflow/shared-events/product';
import { linesOf, type Fences, type Line } from './fence.ts';
import type { ProductStatus } from './product.ts';

export interface StockedProduct {
  readonly status: ProductStatus;
  readonly price: AmountMinor;
  readonly quantity: number;
}

/** What a batch of product.reserve works on. It belongs to the batch and changes in place. */
export interface ReservationState {
  readonly fences: Fences;
  readonly products: Map<number, StockedProduct>;
}

type Refusal = 'PRODUCT_NOT_FOUND' | 'PRODUCT_NOT_ON_SALE' | 'PRICE_CHANGED' | 'OUT_OF_STOCK';

export type ReservationFact =
  | {
      readonly type: 'stock.reserved';
      readonly data: DataOf<typeof StockReserved>;
      readonly lines: readonly Line[];
    }
  | { readonly type: 'stock.rejected'; readonly data: DataOf<typeof StockRejected> };

/**
 * Prices every line at the product's price and takes all lines from stock, or none.
 * When several fail, the lowest product id decides; within it the reasons in the order of `Refusal`.
 * Nothing for an order that has a fence row already: it was answered, or it is over.
 */
export function decideReservation(
  state: ReservationState,
  { data }: OrderCreated,
): readonly ReservationFact[] {
  if (state.fences.has(data.orderId)) return [];
  const lines = linesOf(data.items);
  for (const line of lines) {
    const reason = refusalOf(state.products.get(line.productId), line, data.items);
    if (reason) return [{ type: 'stock.rejected', data: { ...data, reason } }];
  }
  return [{ type: 'stock.reserved', data: priced(data, state.products), lines }];
}

export function withReservation(state: ReservationState, fact: ReservationFact): ReservationState {
  const { orderId } = fact.data;
  if (fact.type === 'stock.rejected') {
    state.fences.set(orderId, { status: 'rejected', attempt: 0 });
    return state;
  }
  state.fences.set(orderId, { status: 'done', attempt: 0, lines: fact.lines });
  for (const { productId, quantity } of fact.lines) {
    const product = state.products.get(productId);
    if (product) state.products.set(productId, { ...product, quantity: product.quantity - quantity });
  }
  return state;
}

function refusalOf(
  product: StockedProduct | undefined,
  line: Line,
  items: OrderCreated['data']['items'],
): Refusal | undefined {
  if (!product) return 'PRODUCT_NOT_FOUND';
  if (product.status !== 'ON_SALE') return 'PRODUCT_NOT_ON_SALE';
  const sawAnotherPrice = items.some(
    ({ productId, expectedUnitPrice }) =>
      productId === line.productId && expectedUnitPrice !== null && expectedUnitPrice !== product.price,
  );
  if (sawAnotherPrice) return 'PRICE_CHANGED';
  return product.quantity < line.quantity ? 'OUT_OF_STOCK' : undefined;
}

function priced(order: OrderCreated['data'], products: ReservationState['products']): StockReserved['data'] {
  let originalAmount = 0n;
  const items = order.items.map((item) => {
    const unitPrice = products.get(item.productId)?.price ?? 0n;
    const totalPrice = unitPrice * BigInt(item.quantity);
    originalAmount += totalPrice;
    return { ...item, unitPrice, totalPrice };
  });
  return { ...order, items, originalAmount };
}
