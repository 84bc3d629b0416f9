import { z } from 'zod';
import { amountOut, jsonId, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { formatAmount } from '@orderflow/shared-events/money';
import type { OwnCoupon } from '../store/coupons.ts';

export const couponStatus = z.enum(['UNUSED', 'USED']);

export const couponShape = z
  .strictObject({
    id: jsonId,
    couponSourceId: jsonId,
    name: z.string(),
    discountAmount: amountOut,
    status: couponStatus,
    usedAt: timeOut.nullable(),
    createdAt: timeOut,
  })
  .meta({
    id: 'Coupon',
    examples: [
      {
        id: 1,
        couponSourceId: 1,
        name: 'Welcome',
        discountAmount: '3.00',
        status: 'UNUSED',
        usedAt: null,
        createdAt: '2026-11-22T10:00:00.250Z',
      },
    ],
  });

export function showCoupon(coupon: OwnCoupon): z.input<typeof couponShape> {
  const { id, couponSourceId, name, discountAmount, usedAt, createdAt } = coupon;
  return {
    id,
    couponSourceId,
    name,
    discountAmount: formatAmount(discountAmount),
    status: usedAt ? 'USED' : 'UNUSED',
    usedAt: usedAt && writeTime(usedAt),
    createdAt: writeTime(createdAt),
  };
}
