import type { DataOf } from '@orderflow/shared-events/contract';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import { answerTo, undoOf, type Undone } from '@orderflow/shared-events/undo';
import type { PaymentRefunded } from '@orderflow/shared-events/payment';
import type { Fences } from './fence.ts';

/** What a batch of payment.refund works on. It belongs to the batch and changes in place. */
export interface RefundState {
  readonly fences: Fences;
}

export interface RefundFact {
  readonly type: 'payment.refunded';
  readonly data: DataOf<typeof PaymentRefunded>;
  readonly was: Undone;
  /** What is paid back, by the order's own row and never by the event's amounts. */
  readonly refund: { readonly userId: number; readonly amount: AmountMinor } | null;
}

/**
 * Undoes what the order holds here, and answers; by the undo column of the fence table.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRefund(state: RefundState, { data }: OrderCancelling): readonly RefundFact[] {
  const fence = state.fences.get(data.orderId);
  const was = undoOf('payment', fence, data);
  if (was === null) return [];
  return [
    {
      type: 'payment.refunded',
      data: answerTo(data),
      was,
      refund: fence?.status === 'done' ? { userId: fence.userId, amount: fence.amount } : null,
    },
  ];
}

export function withRefund(state: RefundState, { data }: RefundFact): RefundState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}
