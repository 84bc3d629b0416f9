import { describe, it } from '@jest/globals';
import type { DataOf } from '@orderflow/shared-events/contract';
import type { CouponApplied } from '@orderflow/shared-events/coupon';
import type { StockReserved } from '@orderflow/shared-events/product';
import * as events from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { specification, type Part } from '@orderflow/testing/specification';
import { decideApplication, withApplication, type ApplicationState, type Coupon } from './application.ts';
import type { Fence } from './fence.ts';

type Row = { couponId: number; coupon: Coupon } | { orderId: number; fence: Fence };

const given = specification({
  initial: (rows: readonly Row[]): ApplicationState => ({
    coupons: new Map(rows.flatMap((row) => ('coupon' in row ? [[row.couponId, row.coupon]] : []))),
    fences: new Map(rows.flatMap((row) => ('fence' in row ? [[row.orderId, row.fence]] : []))),
  }),
  decide: decideApplication,
  evolve: withApplication,
});

const coupon = ({ id = 7, userId = 1, discountAmount = 300n, used = false }): Row => ({
  couponId: id,
  coupon: { userId, discountAmount, used },
});
const fence = (status: Fence['status']): Row => ({
  orderId: 10,
  fence: status === 'done' ? { status, attempt: 0, couponId: 7 } : { status, attempt: 0 },
});
const stockReserved = (part: Partial<StockReserved['data']>) =>
  events.stockReserved({ orderId: 10, ...part });
const couponApplied = (data: Part<DataOf<typeof CouponApplied>>) => ({
  type: 'coupon.applied' as const,
  data,
});
const couponRejected = (data: { orderId?: number; reason: 'COUPON_NOT_FOUND' | 'COUPON_ALREADY_USED' }) => ({
  type: 'coupon.rejected' as const,
  data,
});

describe('coupon.apply', () => {
  it('takes the amount of the coupon off the original amount', () =>
    given(coupon({ discountAmount: 300n }))
      .when(stockReserved({ couponId: 7, originalAmount: 1000n }))
      .then(couponApplied({ orderId: 10, couponId: 7, discountAmount: 300n, totalAmount: 700n })));

  it('never takes off more than the original amount', () =>
    given(coupon({ discountAmount: 300n }))
      .when(stockReserved({ couponId: 7, originalAmount: 299n }))
      .then(couponApplied({ discountAmount: 299n, totalAmount: 0n })));

  it('passes an order without a coupon on with a discount of 0.00', () =>
    given()
      .when(stockReserved({ couponId: null, originalAmount: 1000n }))
      .then(couponApplied({ couponId: null, discountAmount: 0n, totalAmount: 1000n })));

  it('hands the order on as it came, items and prices included', () =>
    given()
      .when(stockReserved({}))
      .then(couponApplied(anOrder({ orderId: 10 }))));

  it('refuses a coupon that does not exist', () =>
    given()
      .when(stockReserved({ couponId: 7 }))
      .then(couponRejected({ orderId: 10, reason: 'COUPON_NOT_FOUND' })));

  it("refuses another user's coupon as if it did not exist, and keeps the true reason inside", () =>
    given(coupon({ userId: 2, used: true }))
      .when(stockReserved({ couponId: 7, userId: 1 }))
      .then({ ...couponRejected({ reason: 'COUPON_NOT_FOUND' }), refusal: 'OTHER_USER' }));

  it('refuses a coupon that was used', () =>
    given(coupon({ used: true }))
      .when(stockReserved({ couponId: 7 }))
      .then(couponRejected({ reason: 'COUPON_ALREADY_USED' })));

  it('refuses a coupon that an earlier order of the same batch took', () =>
    given(coupon({}))
      .when(stockReserved({ orderId: 10, couponId: 7 }), stockReserved({ orderId: 11, couponId: 7 }))
      .then(couponApplied({ orderId: 10 }), couponRejected({ orderId: 11, reason: 'COUPON_ALREADY_USED' })));

  it('leaves a coupon free that an earlier order of the batch was refused', () =>
    given(coupon({ userId: 2 }))
      .when(
        stockReserved({ orderId: 10, couponId: 7, userId: 1 }),
        stockReserved({ orderId: 11, couponId: 7, userId: 2 }),
      )
      .then(couponRejected({ orderId: 10, reason: 'COUPON_NOT_FOUND' }), couponApplied({ orderId: 11 })));

  it.each(['done', 'rejected', 'undone'] as const)('does nothing for an order whose row is %s', (status) =>
    given(fence(status), coupon({}))
      .when(stockReserved({ orderId: 10, couponId: 7 }))
      .then(),
  );

  it('answers an order once that comes twice in a batch, applied or rejected', () => {
    given(coupon({}))
      .when(stockReserved({ couponId: 7 }), stockReserved({ couponId: 7 }))
      .then(couponApplied({ orderId: 10 }));
    given()
      .when(stockReserved({ couponId: 7 }), stockReserved({ couponId: 7 }))
      .then(couponRejected({ reason: 'COUPON_NOT_FOUND' }));
  });
});
