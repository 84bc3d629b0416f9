import { defineStep } from '@orderflow/messaging/step';
import { OrderCancelling } from '@orderflow/shared-events/order';
import { PaymentRefunded } from '@orderflow/shared-events/payment';
import { decideRefund, withRefund } from '../domain/refund.ts';
import { lockAttempts, saveRefunds } from '../store/attempts.ts';

/** Pays back what an order paid, by the order's own row; leaves a tombstone where there is none. */
export const refundPayments = defineStep({
  name: 'payment.refund',
  on: [OrderCancelling],
  emits: [PaymentRefunded],
  fences: ['payment_attempts_pkey'],
  load: lockAttempts,
  decide: decideRefund,
  evolve: withRefund,
  save: saveRefunds,
});
