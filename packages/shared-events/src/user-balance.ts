import { defineEvent, type EventOf } from './contract.ts';
import { attemptSchema, discountedOrder, orderSoFar, reasonSchema } from './order-so-far.ts';

/** The total left the user's balance. */
export const BalanceCharged = defineEvent({
  type: 'balance.charged',
  version: 1,
  topic: 'balance-charged',
  publisher: 'user-balance',
  schema: discountedOrder,
});
export type BalanceCharged = EventOf<typeof BalanceCharged>;

/** Nothing was charged. */
export const BalanceRejected = defineEvent({
  type: 'balance.rejected',
  version: 1,
  topic: 'balance-rejected',
  publisher: 'user-balance',
  schema: discountedOrder.extend({ reason: reasonSchema }),
  extraKeys: ['reason'],
});
export type BalanceRejected = EventOf<typeof BalanceRejected>;

/** User-balance holds nothing of the order any more. */
export const BalanceRefunded = defineEvent({
  type: 'balance.refunded',
  version: 1,
  topic: 'balance-refunded',
  publisher: 'user-balance',
  schema: orderSoFar.extend({ attempt: attemptSchema }),
  extraKeys: ['attempt'],
});
export type BalanceRefunded = EventOf<typeof BalanceRefunded>;
