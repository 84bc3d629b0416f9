/** A product of an order and how much of it; one line per product, by product id. */
export interface Line {
  readonly productId: number;
  readonly quantity: number;
}

/** The row this service keeps per order in `stock_reservations`. Only what is `done` holds stock: its lines. */
export type Fence =
  | { readonly status: 'done'; readonly attempt: number; readonly lines: readonly Line[] }
  | { readonly status: 'rejected' | 'undone'; readonly attempt: number };

/** Fences by order id. The order of no row in here has not been seen. */
export type Fences = Map<number, Fence>;

/** The lines of an order's items: a product that stands there twice is summed. */
export function linesOf(items: readonly Line[]): readonly Line[] {
  const quantities = new Map<number, number>();
  for (const { productId, quantity } of items) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .sort((a, b) => a.productId - b.productId);
}
