import { STOCK_MAX } from './product.ts';

/** What a batch of stock adjustments works on. It belongs to the batch and changes in place. */
export interface AdjustmentState {
  /** Pieces by product id. Every product has a stock; who is missing does not exist. */
  readonly stocks: Map<number, number>;
}

export interface Adjustment {
  readonly productId: number;
  /** Pieces put in (above zero) or taken out (below zero), never zero. */
  readonly delta: number;
}

export type AdjustmentOutcome =
  | { readonly kind: 'adjusted'; readonly quantity: number }
  | { readonly kind: 'product-not-found' }
  | { readonly kind: 'negative'; readonly quantity: number }
  | { readonly kind: 'limit-exceeded'; readonly quantity: number };

/**
 * Whether a stock takes the adjustment, and what it holds then; a refusal tells what it holds now. The limit binds what
 * is put in: a stock that released orders took above it can still be lowered.
 */
export function decideAdjustment(
  state: AdjustmentState,
  { productId, delta }: Adjustment,
): AdjustmentOutcome {
  const quantity = state.stocks.get(productId);
  if (quantity === undefined) return { kind: 'product-not-found' };
  if (quantity + delta < 0) return { kind: 'negative', quantity };
  if (delta > 0 && quantity + delta > STOCK_MAX) return { kind: 'limit-exceeded', quantity };
  return { kind: 'adjusted', quantity: quantity + delta };
}

export function withAdjustment(
  state: AdjustmentState,
  { productId }: Adjustment,
  outcome: AdjustmentOutcome,
): AdjustmentState {
  if (outcome.kind === 'adjusted') state.stocks.set(productId, outcome.quantity);
  return state;
}
