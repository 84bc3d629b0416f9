import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { PARTICIPANTS, type DiscountedOrder, type Participant } from '@orderflow/shared-events/order-so-far';
import fc from 'fast-check';
import {
  balanceCharged,
  balanceRefunded,
  balanceRejected,
  couponApplied,
  couponRejected,
  couponRestored,
  orderCancelled,
  orderCancelling,
  orderCreated,
  orderPaid,
  PAID_AT,
  paymentCompleted,
  paymentRefunded,
  paymentRejected,
  stockRejected,
  stockReleased,
  stockReserved,
  toDeliveries,
  type TestDelivery,
} from './events.ts';

/**
 * A small world in which everything meets: orders 1 to 12 of users 1 to 3 for products 1 to 3 with coupons 1 to 4.
 * All events of one order tell the same story, as they do in truth: what it is about follows from its id.
 */
export const ORDER_IDS = Array.from({ length: 12 }, (_, index) => index + 1);

const PRICE = 1000n;

/**
 * The order of that id with every amount known. Order 5 saw another price; every fourth names no coupon, 5 and 10 name
 * that of another user, the rest the one their user has for all of them.
 */
export function storyOf(orderId: number): DiscountedOrder {
  const line = (productId: number, quantity: number) => ({
    productId,
    quantity,
    expectedUnitPrice: orderId === 5 ? PRICE - 1n : null,
    unitPrice: PRICE,
    totalPrice: PRICE * BigInt(quantity),
  });
  const items = [line(1 + (orderId % 3), 1 + (orderId % 2))];
  if (orderId % 2 === 1) items.push(line(1 + ((orderId + 1) % 3), 2));
  const originalAmount = items.reduce((sum, { totalPrice }) => sum + totalPrice, 0n);
  const userId = 1 + (orderId % 3);
  const ownCoupon = orderId % 5 === 0 ? 4 : userId;
  const couponId = orderId % 4 === 0 ? null : ownCoupon;
  const discountAmount = couponId === null ? 0n : 300n;
  return {
    orderId,
    userId,
    couponId,
    items,
    originalAmount,
    discountAmount,
    totalAmount: originalAmount - discountAmount,
  };
}

/** Every third order had been paid when it was cancelled. */
const paidAtOf = (orderId: number): string | null => (orderId % 3 === 0 ? PAID_AT : null);

const unpriced = (orderId: number) => {
  const story = storyOf(orderId);
  const items = story.items.map((item) => ({ ...item, unitPrice: null, totalPrice: null }));
  return { ...story, items, originalAmount: null, discountAmount: null, totalAmount: null };
};
const priced = (orderId: number) => ({ ...storyOf(orderId), discountAmount: null, totalAmount: null });

/** One event of each kind for an order of the small world. */
const BUILDERS = {
  'order.created': (id: number) => orderCreated(unpriced(id)),
  'stock.reserved': (id: number) => stockReserved(priced(id)),
  'stock.rejected': (id: number) => stockRejected(unpriced(id)),
  'coupon.applied': (id: number) => couponApplied(storyOf(id)),
  'coupon.rejected': (id: number) => couponRejected(priced(id)),
  'balance.charged': (id: number) => balanceCharged(storyOf(id)),
  'balance.rejected': (id: number) => balanceRejected(storyOf(id)),
  'payment.completed': (id: number) => paymentCompleted(storyOf(id)),
  'payment.rejected': (id: number) => paymentRejected(storyOf(id)),
  'order.paid': (id: number) => orderPaid({ ...storyOf(id), paidAt: PAID_AT }),
  'order.cancelled': (id: number) => orderCancelled({ ...storyOf(id), paidAt: paidAtOf(id) }),
} satisfies Record<string, (id: number) => ReceivedEvent>;

const ANSWERS = {
  'stock.released': stockReleased,
  'coupon.restored': couponRestored,
  'balance.refunded': balanceRefunded,
  'payment.refunded': paymentRefunded,
};

type Kind = keyof typeof BUILDERS | keyof typeof ANSWERS | 'order.cancelling';

const orderId = fc.constantFrom(...ORDER_IDS);
const attempt = fc.constantFrom(0, 0, 0, 1, 2);
/** All four half of the time, as for a time-out or a user's cancel. */
const compensate: fc.Arbitrary<Participant[]> = fc.oneof(
  fc.constant<Participant[]>([...PARTICIPANTS]),
  fc.subarray<Participant>([...PARTICIPANTS]),
);

/** An event of a kind, for any order of the small world; cancellations and answers of any attempt. */
function eventOf(kind: Kind): fc.Arbitrary<ReceivedEvent> {
  if (kind === 'order.cancelling') {
    return fc
      .record({ orderId, attempt, compensate })
      .map((some) => orderCancelling({ ...storyOf(some.orderId), ...some, paidAt: paidAtOf(some.orderId) }));
  }
  if (kind in ANSWERS) {
    const build = ANSWERS[kind as keyof typeof ANSWERS];
    return fc.record({ orderId, attempt }).map((some) => build({ ...storyOf(some.orderId), ...some }));
  }
  const build: (id: number) => ReceivedEvent = BUILDERS[kind as keyof typeof BUILDERS];
  return orderId.map(build);
}

/** Batches of events of these kinds, in any order and repeated at will. */
export function batchesOf(...kinds: readonly Kind[]): fc.Arbitrary<TestDelivery[]> {
  return fc
    .array(fc.oneof(...kinds.map(eventOf)), { minLength: 1, maxLength: 25 })
    .map((list) => toDeliveries(list));
}

/** `size` events of orders 1001, 1002 …: `build` gets each id. */
export function manyOf(size: number, build: (orderId: number) => ReceivedEvent): TestDelivery[] {
  return toDeliveries(Array.from({ length: size }, (_, index) => build(1001 + index)));
}
