import { EVENTS } from '@orderflow/shared-events/catalog';
import type { DataOf, EventContract, EventOf, ReceivedEvent } from '@orderflow/shared-events/contract';
import { CouponApplied, CouponRejected, CouponRestored } from '@orderflow/shared-events/coupon';
import { encodeMessage, type Message } from '@orderflow/shared-events/envelope';
import { OrderCancelled, OrderCancelling, OrderCreated, OrderPaid } from '@orderflow/shared-events/order';
import type { OrderSoFar, PricedOrder } from '@orderflow/shared-events/order-so-far';
import { PaymentCompleted, PaymentRefunded, PaymentRejected } from '@orderflow/shared-events/payment';
import { StockRejected, StockReleased, StockReserved } from '@orderflow/shared-events/product';
import { BalanceCharged, BalanceRefunded, BalanceRejected } from '@orderflow/shared-events/user-balance';
import { anOrder, received } from './orders.ts';

/** When the orders of tests were paid; `order.paid` and cancellations of paid orders carry it. */
export const PAID_AT = '2026-01-01T00:00:00.000Z';

/** Before product has priced it. */
function anUnpricedOrder(): OrderSoFar {
  const order = anOrder();
  const items = order.items.map((item) => ({ ...item, unitPrice: null, totalPrice: null }));
  return { ...order, items, originalAmount: null, discountAmount: null, totalAmount: null };
}

/** Before coupon has seen it. */
function aPricedOrder(): PricedOrder {
  return { ...anOrder(), discountAmount: null, totalAmount: null };
}

/** Builds an event as a step receives it: the order of `anOrder` at the event's stage; a test names what it is about. */
function builder<C extends EventContract>(contract: C, base: () => DataOf<C>) {
  return (part: Partial<DataOf<C>> = {}): EventOf<C> => received(contract, { ...base(), ...part });
}

const answer = (): OrderSoFar & { attempt: number } => ({ ...anOrder(), attempt: 0 });
const rejection = <Order extends OrderSoFar>(
  order: Order,
  reason: DataOf<typeof StockRejected>['reason'],
) => ({
  ...order,
  reason,
});

export const orderCreated = builder(OrderCreated, anUnpricedOrder);
export const stockReserved = builder(StockReserved, aPricedOrder);
export const stockRejected = builder(StockRejected, () => rejection(anUnpricedOrder(), 'OUT_OF_STOCK'));
export const couponApplied = builder(CouponApplied, () => anOrder());
export const couponRejected = builder(CouponRejected, () => rejection(aPricedOrder(), 'COUPON_NOT_FOUND'));
export const balanceCharged = builder(BalanceCharged, () => anOrder());
export const balanceRejected = builder(BalanceRejected, () => rejection(anOrder(), 'INSUFFICIENT_BALANCE'));
export const paymentCompleted = builder(PaymentCompleted, () => anOrder());
export const paymentRejected = builder(PaymentRejected, () => rejection(anOrder(), 'PAYMENT_LIMIT_EXCEEDED'));
export const orderPaid = builder(OrderPaid, () => ({ ...anOrder(), paidAt: PAID_AT }));
/** Names all four, first attempt, not paid. */
export const orderCancelling = builder(OrderCancelling, () => ({
  ...anOrder(),
  reason: 'TIMED_OUT' as const,
  compensate: ['stock', 'coupon', 'balance', 'payment'] as const satisfies DataOf<
    typeof OrderCancelling
  >['compensate'],
  attempt: 0,
  paidAt: null,
}));
export const stockReleased = builder(StockReleased, answer);
export const couponRestored = builder(CouponRestored, answer);
export const balanceRefunded = builder(BalanceRefunded, answer);
export const paymentRefunded = builder(PaymentRefunded, answer);
/** Not paid before. */
export const orderCancelled = builder(OrderCancelled, () => ({
  ...rejection(anOrder(), 'TIMED_OUT'),
  paidAt: null,
}));

/** A message as it lies in a partition: what a step's batch consists of. */
export interface TestDelivery {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

const contracts = new Map<string, EventContract>(EVENTS.map((contract) => [contract.type, contract]));
const PUBLISHED_AT = new Date(PAID_AT);

/** The message of an event, as its publisher puts it into its topic. The contract is found by the event's type. */
export function toMessage(event: ReceivedEvent, contract = contractOf(event)): Message {
  return encodeMessage(contract, event.data, {
    time: PUBLISHED_AT,
    causationId: null,
    traceparent: event.traceparent,
  });
}

/** The message of an event at a place in its topic. */
export function toDelivery(
  event: ReceivedEvent,
  at: { partition: number; offset: number },
  contract?: EventContract,
): TestDelivery {
  const { topic, key, value, headers } = toMessage(event, contract);
  return {
    topic,
    partition: at.partition,
    offset: String(at.offset),
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  };
}

/** A batch: each event in a partition by its order, with the offset of its place in the list. */
export function toDeliveries(events: readonly ReceivedEvent[], contract?: EventContract): TestDelivery[] {
  return events.map((event, index) =>
    toDelivery(event, { partition: event.data.orderId % 6, offset: index }, contract),
  );
}

function contractOf(event: ReceivedEvent): EventContract {
  const contract = contracts.get(event.type);
  if (!contract) throw new Error(`no contract of type ${event.type}`);
  return contract;
}
