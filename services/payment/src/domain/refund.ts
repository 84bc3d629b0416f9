import type { DataOf } from '@orderflow/shared-events/contract';
import { MessageFault } from '@orderflow/shared-events/fault';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { PaymentRefunded } from '@orderflow/shared-events/payment';
import type { Fence, Fences } from './fence.ts';

/** What a batch of payment.refund works on. It belongs to the batch and changes in place. */
export interface RefundState {
  readonly fences: Fences;
}

export interface RefundFact {
  readonly type: 'payment.refunded';
  readonly data: DataOf<typeof PaymentRefunded>;
  /** What the fence row said before: `none` becomes a tombstone. */
  readonly was: Fence['status'] | 'none';
  /** What is paid back, by the order's own row and never by the event's amounts. */
  readonly refund: { readonly userId: number; readonly amount: AmountMinor } | null;
}

/**
 * The undo column of the fence table: whoever is named answers, once per attempt.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that was never paid here (rule R11)
 */
export function decideRefund(state: RefundState, { data }: OrderCancelling): readonly RefundFact[] {
  if (!data.compensate.includes('payment')) return [];
  const fence = state.fences.get(data.orderId);
  switch (fence?.status) {
    case 'done':
      return [refunded(data, 'done', { userId: fence.userId, amount: fence.amount })];
    case 'undone':
      return data.attempt > fence.attempt ? [refunded(data, 'undone', null)] : [];
    case 'rejected':
    case undefined: {
      const was = fence?.status ?? 'none';
      if (data.paidAt === null) return [refunded(data, was, null)];
      throw new MessageFault(
        'REFUND_WITHOUT_CHARGE',
        `order ${data.orderId} was paid, its payment row is ${was}`,
      );
    }
  }
}

export function withRefund(state: RefundState, { data }: RefundFact): RefundState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}

function refunded(
  {
    orderId,
    userId,
    couponId,
    items,
    originalAmount,
    discountAmount,
    totalAmount,
    attempt,
  }: OrderCancelling['data'],
  was: RefundFact['was'],
  refund: RefundFact['refund'],
): RefundFact {
  return {
    type: 'payment.refunded',
    data: { orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt },
    was,
    refund,
  };
}
