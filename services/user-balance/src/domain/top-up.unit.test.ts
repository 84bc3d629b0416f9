import { describe, expect, it } from '@jest/globals';
import { decideTopUp, withTopUp, type TopUp, type TopUpOutcome } from './top-up.ts';

/** Folds top-ups as one commit does. */
function topUp(balances: Record<number, bigint>, ...requests: TopUp[]): TopUpOutcome[] {
  let state = {
    balances: new Map(Object.entries(balances).map(([id, amount]) => [Number(id), amount])),
    limit: 1000n,
  };
  return requests.map((request) => {
    const outcome = decideTopUp(state, request);
    state = { ...state, balances: withTopUp(state, request, outcome).balances };
    return outcome;
  });
}

describe('a top-up', () => {
  it('adds the amount, up to the limit itself', () =>
    expect(topUp({ 1: 400n }, { userId: 1, amount: 600n })).toEqual([{ kind: 'topped-up', balance: 1000n }]));

  it('is refused when it would pass the limit', () =>
    expect(topUp({ 1: 400n }, { userId: 1, amount: 601n })).toEqual([
      { kind: 'limit-exceeded', limit: 1000n },
    ]));

  it('is refused for a balance that a refund took above the limit', () =>
    expect(topUp({ 1: 1500n }, { userId: 1, amount: 1n })).toEqual([
      { kind: 'limit-exceeded', limit: 1000n },
    ]));

  it('is refused for a user who does not exist', () =>
    expect(topUp({ 2: 0n }, { userId: 1, amount: 1n })).toEqual([{ kind: 'user-not-found' }]));

  it('sees the earlier ones of its commit, refused ones aside', () =>
    expect(
      topUp({ 1: 0n }, { userId: 1, amount: 600n }, { userId: 1, amount: 600n }, { userId: 1, amount: 400n }),
    ).toEqual([
      { kind: 'topped-up', balance: 600n },
      { kind: 'limit-exceeded', limit: 1000n },
      { kind: 'topped-up', balance: 1000n },
    ]));
});
