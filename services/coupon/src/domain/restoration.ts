import type { DataOf } from '@orderflow/shared-events/contract';
import type { CouponRestored } from '@orderflow/shared-events/coupon';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import { answerTo, undoOf, type Undone } from '@orderflow/shared-events/undo';
import type { Fences } from './fence.ts';

/** What a batch of coupon.restore works on. It belongs to the batch and changes in place. */
export interface RestorationState {
  readonly fences: Fences;
}

export interface RestorationFact {
  readonly type: 'coupon.restored';
  readonly data: DataOf<typeof CouponRestored>;
  readonly was: Undone;
  /** The coupon to give back, by the order's own row and never by the event's. */
  readonly couponId: number | null;
}

/**
 * Undoes what the order holds here, and answers; by the undo column of the fence table.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRestoration(
  state: RestorationState,
  { data }: OrderCancelling,
): readonly RestorationFact[] {
  const fence = state.fences.get(data.orderId);
  const was = undoOf('coupon', fence, data);
  if (was === null) return [];
  return [
    {
      type: 'coupon.restored',
      data: answerTo(data),
      was,
      couponId: fence?.status === 'done' ? fence.couponId : null,
    },
  ];
}

export function withRestoration(state: RestorationState, { data }: RestorationFact): RestorationState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}
