import { defineStep } from '@orderflow/messaging/step';
import { CouponRestored } from '@orderflow/shared-events/coupon';
import { OrderCancelling } from '@orderflow/shared-events/order';
import { decideRestoration, withRestoration } from '../domain/restoration.ts';
import { lockApplications, saveRestorations } from '../store/applications.ts';

/** Gives back the coupon an order used, by the order's own row; leaves a tombstone where there is none. */
export const restoreCoupons = defineStep({
  name: 'coupon.restore',
  on: [OrderCancelling],
  emits: [CouponRestored],
  fences: ['coupon_applications_pkey'],
  load: lockApplications,
  decide: decideRestoration,
  evolve: withRestoration,
  save: saveRestorations,
});
