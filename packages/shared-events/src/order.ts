import { z } from 'zod';
import { defineEvent, type EventOf } from './contract.ts';
import {
  attemptSchema,
  discountedOrder,
  orderSoFar,
  PARTICIPANTS,
  reasonSchema,
  timeSchema,
} from './order-so-far.ts';

/** An order was accepted. */
export const OrderCreated = defineEvent({
  type: 'order.created',
  version: 1,
  topic: 'order-created',
  publisher: 'order',
  schema: orderSoFar,
});
export type OrderCreated = EventOf<typeof OrderCreated>;

/** The order is paid: the full order. What analytics subscribe to. */
export const OrderPaid = defineEvent({
  type: 'order.paid',
  version: 1,
  topic: 'order-paid',
  publisher: 'order',
  schema: discountedOrder.extend({ paidAt: timeSchema }),
  extraKeys: ['paidAt'],
});
export type OrderPaid = EventOf<typeof OrderPaid>;

/** The order will not be paid, or is no longer: the participants in `compensate` undo and answer. */
export const OrderCancelling = defineEvent({
  type: 'order.cancelling',
  version: 1,
  topic: 'order-cancelling',
  publisher: 'order',
  schema: orderSoFar.extend({
    reason: reasonSchema,
    compensate: z.array(z.enum(PARTICIPANTS)),
    attempt: attemptSchema,
    paidAt: timeSchema.nullable(),
  }),
  extraKeys: ['reason', 'compensate', 'attempt', 'paidAt'],
});
export type OrderCancelling = EventOf<typeof OrderCancelling>;

/** All is undone. `paidAt` tells whether it had been paid. */
export const OrderCancelled = defineEvent({
  type: 'order.cancelled',
  version: 1,
  topic: 'order-cancelled',
  publisher: 'order',
  schema: orderSoFar.extend({ reason: reasonSchema, paidAt: timeSchema.nullable() }),
  extraKeys: ['reason', 'paidAt'],
});
export type OrderCancelled = EventOf<typeof OrderCancelled>;
