import { defineStep } from '@orderflow/messaging/step';
import { CouponApplied, CouponRejected } from '@orderflow/shared-events/coupon';
import { StockReserved } from '@orderflow/shared-events/product';
import { decideApplication, withApplication } from '../domain/application.ts';
import { lockCoupons, saveApplications } from '../store/applications.ts';

/** Marks one coupon used for each order that names one. Undone by coupon.restore. */
export const applyCoupons = defineStep({
  name: 'coupon.apply',
  on: [StockReserved],
  emits: [CouponApplied, CouponRejected],
  undoneBy: 'coupon.restore',
  fences: ['coupon_applications_pkey'],
  load: lockCoupons,
  decide: decideApplication,
  evolve: withApplication,
  save: saveApplications,
});
