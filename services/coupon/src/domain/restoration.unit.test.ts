import { describe, expect, it } from '@jest/globals';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import * as events from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import type { Fence } from './fence.ts';
import {
  decideRestoration,
  withRestoration,
  type RestorationFact,
  type RestorationState,
} from './restoration.ts';

const given = specification({
  initial: (fences: readonly Fence[]): RestorationState => ({
    fences: new Map(fences.map((fence) => [10, fence])),
  }),
  decide: decideRestoration,
  evolve: withRestoration,
});

const done = (couponId: number | null): Fence => ({ status: 'done', attempt: 0, couponId });
const rejected: Fence = { status: 'rejected', attempt: 0 };
const undone = (attempt: number): Fence => ({ status: 'undone', attempt });
const orderCancelling = (part: Partial<OrderCancelling['data']> = {}) =>
  events.orderCancelling({ orderId: 10, couponId: 7, ...part });
const couponRestored = (was: RestorationFact['was'], couponId: number | null, attempt = 0) => ({
  type: 'coupon.restored' as const,
  data: { orderId: 10, attempt },
  was,
  couponId,
});

describe('coupon.restore', () => {
  it('leaves a tombstone and answers when it comes before the order', () =>
    given().when(orderCancelling()).then(couponRestored('none', null)));

  it('gives back the coupon the order used', () =>
    given(done(7)).when(orderCancelling()).then(couponRestored('done', 7)));

  it('gives back what its own row holds, whatever coupon the event names', () => {
    given(done(7))
      .when(orderCancelling({ couponId: 8 }))
      .then(couponRestored('done', 7));
    given(done(null))
      .when(orderCancelling({ couponId: 8 }))
      .then(couponRestored('done', null));
  });

  it('answers for a rejected order and gives nothing back', () =>
    given(rejected).when(orderCancelling()).then(couponRestored('rejected', null)));

  it('answers an attempt once', () => {
    given(undone(0)).when(orderCancelling()).then();
    given(undone(2))
      .when(orderCancelling({ attempt: 1 }), orderCancelling({ attempt: 2 }))
      .then();
  });

  it('answers a nudge with its own attempt and gives nothing back again', () =>
    given(undone(0))
      .when(orderCancelling({ attempt: 1 }))
      .then(couponRestored('undone', null, 1)));

  it('sees in a batch what it undid before: one return, one answer an attempt', () => {
    given(done(7))
      .when(orderCancelling(), orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(couponRestored('done', 7), couponRestored('undone', null, 1));
    given()
      .when(orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(couponRestored('none', null), couponRestored('undone', null, 1));
    given(undone(0))
      .when(orderCancelling({ attempt: 1 }), orderCancelling({ attempt: 1 }))
      .then(couponRestored('undone', null, 1));
  });

  it('does nothing and writes no row when it is not named', () =>
    given(done(7))
      .when(orderCancelling({ compensate: ['stock', 'balance', 'payment'] }))
      .then());

  it('undoes a paid order, and its nudges, like any other', () => {
    given(done(7))
      .when(orderCancelling({ paidAt: events.PAID_AT }))
      .then(couponRestored('done', 7));
    given(undone(0))
      .when(orderCancelling({ paidAt: events.PAID_AT, attempt: 1 }))
      .then(couponRestored('undone', null, 1));
  });

  it('reports a paid order without a row, or with a rejected one, as a fault and never as a tombstone', () => {
    given()
      .when(orderCancelling({ paidAt: events.PAID_AT }))
      .thenFault('REFUND_WITHOUT_CHARGE');
    given(rejected)
      .when(orderCancelling({ paidAt: events.PAID_AT }))
      .thenFault('REFUND_WITHOUT_CHARGE');
  });

  it('answers with the order so far and the attempt, nothing else', () => {
    const [answer] = decideRestoration({ fences: new Map() }, orderCancelling());
    expect(answer?.data).toEqual({ ...anOrder({ orderId: 10, couponId: 7 }), attempt: 0 });
  });
});
