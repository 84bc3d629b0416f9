import { describe, expect, it } from '@jest/globals';
import { decideAdjustment, withAdjustment, type Adjustment, type AdjustmentOutcome } from './adjustment.ts';
import { STOCK_MAX } from './product.ts';

/** Folds adjustments as one commit does. */
function adjust(stocks: Record<number, number>, ...requests: Adjustment[]): AdjustmentOutcome[] {
  let state = { stocks: new Map(Object.entries(stocks).map(([id, quantity]) => [Number(id), quantity])) };
  return requests.map((request) => {
    const outcome = decideAdjustment(state, request);
    state = { stocks: withAdjustment(state, request, outcome).stocks };
    return outcome;
  });
}

describe('a stock adjustment', () => {
  it('puts in, up to the limit itself', () =>
    expect(adjust({ 1: 7 }, { productId: 1, delta: STOCK_MAX - 7 })).toEqual([
      { kind: 'adjusted', quantity: STOCK_MAX },
    ]));

  it('takes out, down to nothing', () =>
    expect(adjust({ 1: 7 }, { productId: 1, delta: -7 })).toEqual([{ kind: 'adjusted', quantity: 0 }]));

  it('is refused when it would pass the limit', () =>
    expect(adjust({ 1: 7 }, { productId: 1, delta: STOCK_MAX - 6 })).toEqual([
      { kind: 'limit-exceeded', quantity: 7 },
    ]));

  it('is refused when it would take more than there is', () =>
    expect(adjust({ 1: 7 }, { productId: 1, delta: -8 })).toEqual([{ kind: 'negative', quantity: 7 }]));

  it('lowers a stock that released orders took above the limit, and does not raise it', () =>
    expect(adjust({ 1: STOCK_MAX + 5 }, { productId: 1, delta: -1 }, { productId: 1, delta: 1 })).toEqual([
      { kind: 'adjusted', quantity: STOCK_MAX + 4 },
      { kind: 'limit-exceeded', quantity: STOCK_MAX + 4 },
    ]));

  it('is refused for a product that does not exist', () =>
    expect(adjust({ 2: 7 }, { productId: 1, delta: 1 })).toEqual([{ kind: 'product-not-found' }]));

  it('sees the earlier ones of its commit, refused ones aside', () =>
    expect(
      adjust({ 1: 5 }, ...[-3, -3, -2, 1].map((delta) => ({ productId: 1, delta })), {
        productId: 2,
        delta: 1,
      }),
    ).toEqual([
      { kind: 'adjusted', quantity: 2 },
      { kind: 'negative', quantity: 2 },
      { kind: 'adjusted', quantity: 0 },
      { kind: 'adjusted', quantity: 1 },
      { kind: 'product-not-found' },
    ]));
});
