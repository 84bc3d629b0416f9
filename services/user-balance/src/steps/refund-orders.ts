import { defineStep } from '@orderflow/messaging/step';
import { OrderCancelling } from '@orderflow/shared-events/order';
import { BalanceRefunded } from '@orderflow/shared-events/user-balance';
import { decideRefund, withRefund } from '../domain/refund.ts';
import { lockCharges, saveRefunds } from '../store/charges.ts';

/** Gives back what an order was charged, by the order's own row; leaves a tombstone where there is none. */
export const refundOrders = defineStep({
  name: 'user-balance.refund',
  on: [OrderCancelling],
  emits: [BalanceRefunded],
  fences: ['order_charges_pkey'],
  load: lockCharges,
  decide: decideRefund,
  evolve: withRefund,
  save: saveRefunds,
});
