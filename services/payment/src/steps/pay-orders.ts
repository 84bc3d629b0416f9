import { defineStep } from '@orderflow/messaging/step';
import type { AmountMinor } from '@orderflow/shared-events/money';
import { PaymentCompleted, PaymentRejected } from '@orderflow/shared-events/payment';
import { BalanceCharged } from '@orderflow/shared-events/user-balance';
import { decidePayment, withPayment } from '../domain/payment.ts';
import { readAttempts, savePayments } from '../store/attempts.ts';

/**
 * Writes the payment of each order whose total was charged. Undone by payment.refund.
 * @param options.limit the largest total that is paid, inclusive
 */
export const payOrders = (options: { readonly limit: AmountMinor }) =>
  defineStep({
    name: 'payment.pay',
    on: [BalanceCharged],
    emits: [PaymentCompleted, PaymentRejected],
    undoneBy: 'payment.refund',
    fences: ['payment_attempts_pkey'],
    load: readAttempts,
    decide: decidePayment(options.limit),
    evolve: withPayment,
    save: savePayments,
  });
