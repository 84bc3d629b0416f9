import { describe, expect, it } from '@jest/globals';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import * as events from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import type { Fence } from './fence.ts';
import { decideRefund, withRefund, type RefundFact, type RefundState } from './refund.ts';

const given = specification({
  initial: (fences: readonly Fence[]): RefundState => ({ fences: new Map(fences.map((row) => [10, row])) }),
  decide: decideRefund,
  evolve: withRefund,
});

const done: Fence = { status: 'done', attempt: 0, userId: 4, amount: 700n };
const rejected: Fence = { status: 'rejected', attempt: 0 };
const undone = (attempt: number): Fence => ({ status: 'undone', attempt });
const orderCancelling = (part: Partial<OrderCancelling['data']> = {}) =>
  events.orderCancelling({ orderId: 10, userId: 4, ...part });
const refunded = (was: RefundFact['was'], refund: RefundFact['refund'], attempt = 0) => ({
  type: 'payment.refunded' as const,
  data: { orderId: 10, attempt },
  was,
  refund,
});
const all = { userId: 4, amount: 700n };

describe('payment.refund', () => {
  it('leaves a tombstone and answers when it comes before the order', () =>
    given().when(orderCancelling()).then(refunded('none', null)));

  it('pays back what the order paid', () => given(done).when(orderCancelling()).then(refunded('done', all)));

  it('pays back what its own row says, whatever user and amount the event names', () =>
    given(done)
      .when(orderCancelling({ userId: 5, totalAmount: 9_999n }))
      .then(refunded('done', all)));

  it('answers for a rejected order and pays nothing back', () =>
    given(rejected).when(orderCancelling()).then(refunded('rejected', null)));

  it('answers an attempt once', () => {
    given(undone(0)).when(orderCancelling()).then();
    given(undone(2))
      .when(orderCancelling({ attempt: 1 }), orderCancelling({ attempt: 2 }))
      .then();
  });

  it('answers a nudge with its own attempt and pays nothing back again', () =>
    given(undone(0))
      .when(orderCancelling({ attempt: 1 }))
      .then(refunded('undone', null, 1)));

  it('sees in a batch what it undid before: one refund, one answer an attempt', () => {
    given(done)
      .when(orderCancelling(), orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(refunded('done', all), refunded('undone', null, 1));
    given()
      .when(orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(refunded('none', null), refunded('undone', null, 1));
    given(undone(0))
      .when(orderCancelling({ attempt: 1 }), orderCancelling({ attempt: 1 }))
      .then(refunded('undone', null, 1));
  });

  it('does nothing and writes no row when it is not named', () =>
    given(done)
      .when(orderCancelling({ compensate: ['stock', 'coupon', 'balance'] }))
      .then());

  it('undoes a paid order, and its nudges, like any other', () => {
    given(done)
      .when(orderCancelling({ paidAt: events.PAID_AT }))
      .then(refunded('done', all));
    given(undone(0))
      .when(orderCancelling({ paidAt: events.PAID_AT, attempt: 1 }))
      .then(refunded('undone', null, 1));
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
    const [answer] = decideRefund({ fences: new Map() }, orderCancelling());
    expect(answer?.data).toEqual({ ...anOrder({ orderId: 10, userId: 4 }), attempt: 0 });
  });
});
