import type { DataOf } from '@orderflow/shared-events/contract';
import type { CouponRestored } from '@orderflow/shared-events/coupon';
import { MessageFault } from '@orderflow/shared-events/fault';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { Fence, Fences } from './fence.ts';

/** What a batch of coupon.restore works on. It belongs to the batch and changes in place. */
export interface RestorationState {
  readonly fences: Fences;
}

export interface RestorationFact {
  readonly type: 'coupon.restored';
  readonly data: DataOf<typeof CouponRestored>;
  /** What the fence row said before: `none` becomes a tombstone. */
  readonly was: Fence['status'] | 'none';
  /** The coupon to give back, by the order's own row and never by the event's. */
  readonly couponId: number | null;
}

/**
 * The undo column of the fence table: whoever is named answers, once per attempt.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRestoration(
  state: RestorationState,
  { data }: OrderCancelling,
): readonly RestorationFact[] {
  if (!data.compensate.includes('coupon')) return [];
  const fence = state.fences.get(data.orderId);
  switch (fence?.status) {
    case 'done':
      return [restored(data, 'done', fence.couponId)];
    case 'undone':
      return data.attempt > fence.attempt ? [restored(data, 'undone', null)] : [];
    case 'rejected':
    case undefined: {
      const was = fence?.status ?? 'none';
      if (data.paidAt === null) return [restored(data, was, null)];
      throw new MessageFault(
        'REFUND_WITHOUT_CHARGE',
        `order ${data.orderId} was paid, its coupon row is ${was}`,
      );
    }
  }
}

export function withRestoration(state: RestorationState, { data }: RestorationFact): RestorationState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}

function restored(
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
  was: RestorationFact['was'],
  heldCouponId: number | null,
): RestorationFact {
  return {
    type: 'coupon.restored',
    data: { orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt },
    was,
    couponId: heldCouponId,
  };
}
