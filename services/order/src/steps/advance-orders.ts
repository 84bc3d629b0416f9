import { defineStep } from '@orderflow/messaging/step';
import { CouponApplied, CouponRejected, CouponRestored } from '@orderflow/shared-events/coupon';
import { OrderCancelled, OrderCancelling, OrderPaid } from '@orderflow/shared-events/order';
import { PaymentCompleted, PaymentRefunded, PaymentRejected } from '@orderflow/shared-events/payment';
import { StockRejected, StockReleased, StockReserved } from '@orderflow/shared-events/product';
import { BalanceCharged, BalanceRefunded, BalanceRejected } from '@orderflow/shared-events/user-balance';
import { advance } from '../domain/advance.ts';
import { withTransition } from '../domain/transition.ts';
import { lockOrders, saveTransitions } from '../store/orders.ts';

/** Moves each order along by what the participants say. The order's row is its inbox: it inserts no fence. */
export const advanceOrders = defineStep({
  name: 'order.advance',
  on: [
    StockReserved,
    StockRejected,
    CouponApplied,
    CouponRejected,
    BalanceCharged,
    BalanceRejected,
    PaymentCompleted,
    PaymentRejected,
    StockReleased,
    CouponRestored,
    BalanceRefunded,
    PaymentRefunded,
  ],
  emits: [OrderPaid, OrderCancelling, OrderCancelled],
  fences: [],
  load: (tx, events) =>
    lockOrders(
      tx,
      events.map(({ data }) => data.orderId),
    ),
  decide: advance,
  evolve: withTransition,
  save: saveTransitions,
});
