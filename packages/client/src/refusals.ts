import type { RefusalReason } from './api-types.ts';

/** Whether a refused order is worth placing again. A new try is a new order: it takes a new Idempotency-Key. */
export interface RetryAdvice {
  /**
   * `same`: the order as it was may go through now · `changed`: after `change` · `no`: not by any change of the order.
   */
  readonly retry: 'same' | 'changed' | 'no';
  /** What has to change before a new order makes sense; null unless `retry` is `changed`. */
  readonly change: 'items' | 'unitPrice' | 'couponId' | 'balance' | null;
  /** Seconds to wait before; null when time alone changes nothing. */
  readonly afterSeconds: number | null;
  /** The same in a sentence for developers. */
  readonly hint: string;
}

const changed = (change: NonNullable<RetryAdvice['change']>, hint: string): RetryAdvice => ({
  retry: 'changed',
  change,
  afterSeconds: null,
  hint,
});
const no = (hint: string): RetryAdvice => ({ retry: 'no', change: null, afterSeconds: null, hint });

/** One entry a reason; the table of the README is held to it by a test. */
export const REFUSALS: Readonly<Record<RefusalReason, RetryAdvice>> = {
  OUT_OF_STOCK: changed(
    'items',
    'Order fewer pieces or another product. Pieces held by an order of yours that is being cancelled are back once it is CANCELLED.',
  ),
  PRODUCT_NOT_FOUND: changed('items', 'A product of the order does not exist.'),
  PRODUCT_NOT_ON_SALE: changed('items', 'A product of the order was taken off sale.'),
  PRICE_CHANGED: changed('unitPrice', 'Read the product again, show its new price and ask for consent.'),
  COUPON_NOT_FOUND: changed('couponId', 'The caller has no such coupon: order without it or with another.'),
  COUPON_ALREADY_USED: changed(
    'couponId',
    'Order without the coupon, or with it once the order that used it is CANCELLED.',
  ),
  USER_NOT_FOUND: no('The token names a user who does not exist.'),
  INSUFFICIENT_BALANCE: changed('balance', 'Top up the balance; then the same order can be placed again.'),
  PAYMENT_LIMIT_EXCEEDED: changed('items', 'The total is above what one payment may be: order less at once.'),
  TIMED_OUT: {
    retry: 'same',
    change: null,
    afterSeconds: 0,
    hint: 'The order took too long and everything was given back: place it again at once.',
  },
  CANCELLED_BY_USER: no('The user wanted it so.'),
  OTHER: no('A reason that this version does not know.'),
};

/** The advice for a reason; one that this version does not know is advised like OTHER. */
export function adviceFor(reason: string): RetryAdvice {
  const known: Readonly<Record<string, RetryAdvice>> = REFUSALS;
  return Object.hasOwn(known, reason) ? (known[reason] ?? REFUSALS.OTHER) : REFUSALS.OTHER;
}
