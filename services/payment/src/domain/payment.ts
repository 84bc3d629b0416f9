import type { DataOf } from '@orderflow/shared-events/contract';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { PaymentCompleted, PaymentRejected } from '@orderflow/shared-events/payment';
import type { BalanceCharged } from '@orderflow/shared-events/user-balance';
import type { Fences } from './fence.ts';

/** What a batch of payment.pay works on. It belongs to the batch and changes in place. */
export interface PaymentState {
  readonly fences: Fences;
}

export type PaymentFact =
  | { readonly type: 'payment.completed'; readonly data: DataOf<typeof PaymentCompleted> }
  | { readonly type: 'payment.rejected'; readonly data: DataOf<typeof PaymentRejected> };

/**
 * Pays an order's total, 0.00 like any other, unless it is over the limit of one payment.
 * Nothing for an order that has a fence row already: it was answered, or it is over.
 * @param limit the largest total that is paid, inclusive
 */
export function decidePayment(
  limit: AmountMinor,
): (state: PaymentState, event: BalanceCharged) => readonly PaymentFact[] {
  return (state, { data }) => {
    if (state.fences.has(data.orderId)) return [];
    if (data.totalAmount > limit) {
      return [{ type: 'payment.rejected', data: { ...data, reason: 'PAYMENT_LIMIT_EXCEEDED' } }];
    }
    return [{ type: 'payment.completed', data }];
  };
}

export function withPayment(state: PaymentState, { type, data }: PaymentFact): PaymentState {
  state.fences.set(
    data.orderId,
    type === 'payment.completed'
      ? { status: 'done', attempt: 0, userId: data.userId, amount: data.totalAmount }
      : { status: 'rejected', attempt: 0 },
  );
  return state;
}
