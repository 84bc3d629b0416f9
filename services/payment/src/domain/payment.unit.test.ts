import { describe, it } from '@jest/globals';
import type { DiscountedOrder } from '@orderflow/shared-events/order-so-far';
import * as events from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import type { Fence } from './fence.ts';
import { decidePayment, withPayment, type PaymentState } from './payment.ts';

const given = specification({
  initial: (fences: readonly Fence[]): PaymentState => ({ fences: new Map(fences.map((row) => [10, row])) }),
  decide: decidePayment(50_000n),
  evolve: withPayment,
});

const balanceCharged = (part: Partial<DiscountedOrder> = {}) =>
  events.balanceCharged({ orderId: 10, ...part });
const completed = (data: Partial<DiscountedOrder>) => ({ type: 'payment.completed' as const, data });
const rejected = (data: { orderId: number }) => ({
  type: 'payment.rejected' as const,
  data: { ...data, reason: 'PAYMENT_LIMIT_EXCEEDED' as const },
});

describe('payment.pay', () => {
  it('pays a total up to the limit and hands the order on as it came', () =>
    given()
      .when(balanceCharged({ totalAmount: 50_000n }))
      .then(completed(anOrder({ orderId: 10, totalAmount: 50_000n }))));

  it('pays a total of 0.00 like any other', () =>
    given()
      .when(balanceCharged({ totalAmount: 0n }))
      .then(completed({ orderId: 10, totalAmount: 0n })));

  it('refuses a total above the limit of one payment', () =>
    given()
      .when(balanceCharged({ totalAmount: 50_001n }))
      .then(rejected({ orderId: 10 })));

  it.each<Fence>([
    { status: 'done', attempt: 0, userId: 1, amount: 1000n },
    { status: 'rejected', attempt: 0 },
    { status: 'undone', attempt: 0 },
  ])('does nothing for an order whose row is $status', (fence) => given(fence).when(balanceCharged()).then());

  it('answers an order once that comes twice in a batch, paid or refused', () => {
    given()
      .when(balanceCharged(), balanceCharged())
      .then(completed({ orderId: 10 }));
    given()
      .when(balanceCharged({ totalAmount: 50_001n }), balanceCharged({ totalAmount: 1n }))
      .then(rejected({ orderId: 10 }));
  });
});
