import type { AmountMinor } from '@orderflow/shared-events/money';

/** What a batch of top-ups works on. It belongs to the batch and changes in place. */
export interface TopUpState {
  /** Amounts by user id. Every user has one; who is missing does not exist. */
  readonly balances: Map<number, AmountMinor>;
  /** What a top-up may fill a balance up to, inclusive (BALANCE_MAX). Refunds may go beyond it. */
  readonly limit: AmountMinor;
}

export interface TopUp {
  readonly userId: number;
  readonly amount: AmountMinor;
}

export type TopUpOutcome =
  | { readonly kind: 'topped-up'; readonly balance: AmountMinor }
  | { readonly kind: 'user-not-found' }
  | { readonly kind: 'limit-exceeded'; readonly limit: AmountMinor };

/** Whether a balance takes the amount, and what it holds then. */
export function decideTopUp(state: TopUpState, { userId, amount }: TopUp): TopUpOutcome {
  const balance = state.balances.get(userId);
  if (balance === undefined) return { kind: 'user-not-found' };
  if (balance + amount > state.limit) return { kind: 'limit-exceeded', limit: state.limit };
  return { kind: 'topped-up', balance: balance + amount };
}

export function withTopUp(state: TopUpState, { userId }: TopUp, outcome: TopUpOutcome): TopUpState {
  if (outcome.kind === 'topped-up') state.balances.set(userId, outcome.balance);
  return state;
}
