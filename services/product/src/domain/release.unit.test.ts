import { describe, expect, it } from '@jest/globals';
import {
  OrderCancelling as orderCancellingContract,
  type OrderCancelling,
} from '@orderflow/shared-events/order';
import { anOrder, received } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import type { Fence, Line } from './fence.ts';
import { decideRelease, withRelease, type ReleaseFact, type ReleaseState } from './release.ts';

const given = specification({
  decide: decideRelease,
  evolve: withRelease,
  initial: (rows: readonly [number, Fence][]): ReleaseState => ({ fences: new Map(rows) }),
});

const held = [{ productId: 1, quantity: 2 }];
const done: [number, Fence] = [10, { status: 'done', attempt: 0, lines: held }];
const rejected: [number, Fence] = [10, { status: 'rejected', attempt: 0 }];
const undone = (attempt: number): [number, Fence] => [10, { status: 'undone', attempt }];

/** Its items are other than what the row holds. */
const order = anOrder({ orderId: 10, couponId: 7 });

const orderCancelling = (part: Partial<OrderCancelling['data']> = {}): OrderCancelling =>
  received(orderCancellingContract, {
    ...order,
    reason: 'CANCELLED_BY_USER',
    compensate: ['stock', 'coupon', 'balance', 'payment'],
    attempt: 0,
    paidAt: null,
    ...part,
  });

const stockReleased = (was: ReleaseFact['was'], lines: readonly Line[] = [], attempt = 0) => ({
  type: 'stock.released' as const,
  data: { orderId: 10, attempt },
  was,
  lines,
});

const paidAt = '2026-02-28T10:00:00.000Z';

describe('product.release', () => {
  it('gives back what the row holds, whatever the event says of items', () =>
    given(done).when(orderCancelling()).then(stockReleased('done', held)));

  it('gives back what a paid order holds: a refund', () =>
    given(done).when(orderCancelling({ paidAt })).then(stockReleased('done', held)));

  it('leaves a tombstone where there is no row, and answers', () =>
    given().when(orderCancelling()).then(stockReleased('none')));

  it('answers for an order it rejected', () =>
    given(rejected).when(orderCancelling()).then(stockReleased('rejected')));

  it('answers a higher attempt again, giving nothing back', () =>
    given(undone(0))
      .when(orderCancelling({ attempt: 1, compensate: ['stock'] }))
      .then(stockReleased('undone', [], 1)));

  it('answers a higher attempt of a refund too', () =>
    given(undone(0))
      .when(orderCancelling({ attempt: 1, paidAt }))
      .then(stockReleased('undone', [], 1)));

  it('is silent for an attempt it has answered, or an earlier one', () =>
    given(undone(1))
      .when(orderCancelling({ attempt: 1 }), orderCancelling({ attempt: 0 }))
      .then());

  it('gives back once when the nudge comes in the same batch, and answers both attempts', () =>
    given(done)
      .when(orderCancelling(), orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(stockReleased('done', held), stockReleased('undone', [], 1)));

  it('takes a nudge that overtakes the first attempt for the first', () =>
    given(done)
      .when(orderCancelling({ attempt: 1 }), orderCancelling(), orderCancelling({ attempt: 1 }))
      .then(stockReleased('done', held, 1)));

  it.each([[[]], [[done]], [[rejected]], [[undone(0)]]])('does nothing when stock is not named: %j', (rows) =>
    given(...rows)
      .when(orderCancelling({ compensate: ['coupon'], attempt: 1, paidAt }))
      .then(),
  );

  it('calls a refund without a row, or of a rejected order, a fault', () => {
    given().when(orderCancelling({ paidAt })).thenFault('REFUND_WITHOUT_CHARGE');
    given(rejected).when(orderCancelling({ paidAt })).thenFault('REFUND_WITHOUT_CHARGE');
  });

  it('answers with the order so far and the attempt, and with nothing else', () => {
    const [fact] = decideRelease({ fences: new Map([done]) }, orderCancelling({ attempt: 3 }));
    expect(fact?.data).toStrictEqual({ ...order, attempt: 3 });
  });
});
