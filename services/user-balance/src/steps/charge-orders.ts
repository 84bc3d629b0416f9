import { defineStep } from '@orderflow/messaging/step';
import { CouponApplied } from '@orderflow/shared-events/coupon';
import { BalanceCharged, BalanceRejected } from '@orderflow/shared-events/user-balance';
import { decideCharge, withCharge } from '../domain/charge.ts';
import { loadCharges, saveCharges } from '../store/charges.ts';

/** Takes each order's total from its user's balance. Undone by user-balance.refund. */
export const chargeOrders = defineStep({
  name: 'user-balance.charge',
  on: [CouponApplied],
  emits: [BalanceCharged, BalanceRejected],
  undoneBy: 'user-balance.refund',
  fences: ['order_charges_pkey'],
  load: loadCharges,
  decide: decideCharge,
  evolve: withCharge,
  save: saveCharges,
});
