import { defineEvent, type EventOf } from './contract.ts';
import { attemptSchema, discountedOrder, orderSoFar, pricedOrder, reasonSchema } from './order-so-far.ts';

/** The discount is known; the coupon, if the order names one, is used. */
export const CouponApplied = defineEvent({
  type: 'coupon.applied',
  version: 1,
  topic: 'coupon-applied',
  publisher: 'coupon',
  schema: discountedOrder,
});
export type CouponApplied = EventOf<typeof CouponApplied>;

/** The coupon cannot be used by this order. */
export const CouponRejected = defineEvent({
  type: 'coupon.rejected',
  version: 1,
  topic: 'coupon-rejected',
  publisher: 'coupon',
  schema: pricedOrder.extend({ reason: reasonSchema }),
  extraKeys: ['reason'],
});
export type CouponRejected = EventOf<typeof CouponRejected>;

/** Coupon holds nothing of the order any more. */
export const CouponRestored = defineEvent({
  type: 'coupon.restored',
  version: 1,
  topic: 'coupon-restored',
  publisher: 'coupon',
  schema: orderSoFar.extend({ attempt: attemptSchema }),
  extraKeys: ['attempt'],
});
export type CouponRestored = EventOf<typeof CouponRestored>;
