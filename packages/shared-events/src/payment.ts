import { defineEvent, type EventOf } from './contract.ts';
import { attemptSchema, discountedOrder, orderSoFar, reasonSchema } from './order-so-far.ts';

/** The PAYMENTS row is written. */
export const PaymentCompleted = defineEvent({
  type: 'payment.completed',
  version: 1,
  topic: 'payment-completed',
  publisher: 'payment',
  schema: discountedOrder,
});
export type PaymentCompleted = EventOf<typeof PaymentCompleted>;

/** The total is over the limit of one payment. */
export const PaymentRejected = defineEvent({
  type: 'payment.rejected',
  version: 1,
  topic: 'payment-rejected',
  publisher: 'payment',
  schema: discountedOrder.extend({ reason: reasonSchema }),
  extraKeys: ['reason'],
});
export type PaymentRejected = EventOf<typeof PaymentRejected>;

/** Payment holds nothing of the order any more. */
export const PaymentRefunded = defineEvent({
  type: 'payment.refunded',
  version: 1,
  topic: 'payment-refunded',
  publisher: 'payment',
  schema: orderSoFar.extend({ attempt: attemptSchema }),
  extraKeys: ['attempt'],
});
export type PaymentRefunded = EventOf<typeof PaymentRefunded>;
