import type { DataOf } from '@orderflow/shared-events/contract';
import type { CouponApplied, CouponRejected } from '@orderflow/shared-events/coupon';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { StockReserved } from '@orderflow/shared-events/product';
import type { Fences } from './fence.ts';

export interface Coupon {
  readonly userId: number;
  readonly discountAmount: AmountMinor;
  readonly used: boolean;
}

/** What a batch of coupon.apply works on. It belongs to the batch and changes in place. */
export interface ApplicationState {
  readonly fences: Fences;
  readonly coupons: Map<number, Coupon>;
}

/** Why a coupon was refused. Outside, a coupon of another user is one that does not exist: no probing. */
export type Refusal = 'NOT_FOUND' | 'OTHER_USER' | 'ALREADY_USED';

export type ApplicationFact =
  | { readonly type: 'coupon.applied'; readonly data: DataOf<typeof CouponApplied> }
  | {
      readonly type: 'coupon.rejected';
      readonly data: DataOf<typeof CouponRejected>;
      readonly refusal: Refusal;
    };

/**
 * The discount of an order: min(original amount, the coupon's amount), 0.00 without a coupon.
 * Nothing for an order that has a fence row already: it was answered, or it is over.
 */
export function decideApplication(
  state: ApplicationState,
  { data }: StockReserved,
): readonly ApplicationFact[] {
  if (state.fences.has(data.orderId)) return [];
  if (data.couponId === null) return [applied(data, 0n)];
  const coupon = state.coupons.get(data.couponId);
  if (!coupon) return [rejected(data, 'NOT_FOUND')];
  if (coupon.userId !== data.userId) return [rejected(data, 'OTHER_USER')];
  if (coupon.used) return [rejected(data, 'ALREADY_USED')];
  return [applied(data, coupon.discountAmount)];
}

export function withApplication(state: ApplicationState, { type, data }: ApplicationFact): ApplicationState {
  if (type === 'coupon.rejected') {
    state.fences.set(data.orderId, { status: 'rejected', attempt: 0 });
    return state;
  }
  state.fences.set(data.orderId, { status: 'done', attempt: 0, couponId: data.couponId });
  const coupon = data.couponId === null ? undefined : state.coupons.get(data.couponId);
  if (data.couponId !== null && coupon) state.coupons.set(data.couponId, { ...coupon, used: true });
  return state;
}

function applied(order: StockReserved['data'], couponAmount: AmountMinor): ApplicationFact {
  const discountAmount = couponAmount < order.originalAmount ? couponAmount : order.originalAmount;
  return {
    type: 'coupon.applied',
    data: { ...order, discountAmount, totalAmount: order.originalAmount - discountAmount },
  };
}

function rejected(order: StockReserved['data'], refusal: Refusal): ApplicationFact {
  const reason = refusal === 'ALREADY_USED' ? 'COUPON_ALREADY_USED' : 'COUPON_NOT_FOUND';
  return { type: 'coupon.rejected', data: { ...order, reason }, refusal };
}
