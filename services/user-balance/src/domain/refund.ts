import type { DataOf } from '@orderflow/shared-events/contract';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import { answerTo, undoOf, type Undone } from '@orderflow/shared-events/undo';
import type { BalanceRefunded } from '@orderflow/shared-events/user-balance';
import type { Fences } from './fence.ts';

/** What a batch of user-balance.refund works on. It belongs to the batch and changes in place. */
export interface RefundState {
  readonly fences: Fences;
}

export interface RefundFact {
  readonly type: 'balance.refunded';
  readonly data: DataOf<typeof BalanceRefunded>;
  readonly was: Undone;
  /** What goes back to the balance, by the order's own row and never by the event's amounts. */
  readonly refund: { readonly userId: number; readonly amount: AmountMinor } | null;
}

/**
 * Undoes what the order holds here, and answers; by the undo column of the fence table.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRefund(state: RefundState, { data }: OrderCancelling): readonly RefundFact[] {
  const fence = state.fences.get(data.orderId);
  const was = undoOf('balance', fence, data);
  if (was === null) return [];
  return [
    {
      type: 'balance.refunded',
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
