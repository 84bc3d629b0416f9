import type { DataOf } from '@orderflow/shared-events/contract';
import type { CouponApplied } from '@orderflow/shared-events/coupon';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { BalanceCharged, BalanceRejected } from '@orderflow/shared-events/user-balance';
import type { Fences } from './fence.ts';

/** What a batch of user-balance.charge works on. It belongs to the batch and changes in place. */
export interface ChargeState {
  readonly fences: Fences;
  /** Amounts by user id. Every user has one; who is missing does not exist. */
  readonly balances: Map<number, AmountMinor>;
}

export type ChargeFact =
  | { readonly type: 'balance.charged'; readonly data: DataOf<typeof BalanceCharged> }
  | { readonly type: 'balance.rejected'; readonly data: DataOf<typeof BalanceRejected> };

/**
 * Takes an order's total, 0.00 like any other, from its user's balance.
 * Nothing for an order that has a fence row already: it was answered, or it is over.
 */
export function decideCharge(state: ChargeState, { data }: CouponApplied): readonly ChargeFact[] {
  if (state.fences.has(data.orderId)) return [];
  const balance = state.balances.get(data.userId);
  if (balance === undefined)
    return [{ type: 'balance.rejected', data: { ...data, reason: 'USER_NOT_FOUND' } }];
  if (balance < data.totalAmount) {
    return [{ type: 'balance.rejected', data: { ...data, reason: 'INSUFFICIENT_BALANCE' } }];
  }
  return [{ type: 'balance.charged', data }];
}

export function withCharge(state: ChargeState, { type, data }: ChargeFact): ChargeState {
  if (type === 'balance.rejected') {
    state.fences.set(data.orderId, { status: 'rejected', attempt: 0 });
    return state;
  }
  const { orderId, userId, totalAmount } = data;
  state.fences.set(orderId, { status: 'done', attempt: 0, userId, amount: totalAmount });
  state.balances.set(userId, (state.balances.get(userId) ?? 0n) - totalAmount);
  return state;
}
