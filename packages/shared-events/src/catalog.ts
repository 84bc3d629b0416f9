import type { EventContract, Publisher } from './contract.ts';
import { CouponApplied, CouponRejected, CouponRestored } from './coupon.ts';
import { OrderCancelled, OrderCancelling, OrderCreated, OrderPaid } from './order.ts';
import { PaymentCompleted, PaymentRefunded, PaymentRejected } from './payment.ts';
import { StockRejected, StockReleased, StockReserved } from './product.ts';
import { BalanceCharged, BalanceRefunded, BalanceRejected } from './user-balance.ts';

/** Every event, in the order of the saga. */
export const EVENTS: readonly EventContract[] = [
  OrderCreated,
  StockReserved,
  StockRejected,
  CouponApplied,
  CouponRejected,
  BalanceCharged,
  BalanceRejected,
  PaymentCompleted,
  PaymentRejected,
  OrderPaid,
  OrderCancelling,
  StockReleased,
  CouponRestored,
  BalanceRefunded,
  PaymentRefunded,
  OrderCancelled,
];

/**
 * Which step reads which topics. A step's name is its consumer group: renaming one replays all retained history,
 * and a group's topic list is fixed, since members with differing lists leave partitions unread.
 */
export const STEP_TOPICS = {
  'product.reserve': ['order-created'],
  'product.release': ['order-cancelling'],
  'product.count-sales': ['order-paid', 'order-cancelled'],
  'coupon.apply': ['stock-reserved'],
  'coupon.restore': ['order-cancelling'],
  'user-balance.charge': ['coupon-applied'],
  'user-balance.refund': ['order-cancelling'],
  'payment.pay': ['balance-charged'],
  'payment.refund': ['order-cancelling'],
  'order.advance': [
    'stock-reserved',
    'stock-rejected',
    'coupon-applied',
    'coupon-rejected',
    'balance-charged',
    'balance-rejected',
    'payment-completed',
    'payment-rejected',
    'stock-released',
    'coupon-restored',
    'balance-refunded',
    'payment-refunded',
  ],
} as const satisfies Record<string, readonly string[]>;

export type StepName = keyof typeof STEP_TOPICS;

export interface TopicDefinition {
  readonly name: string;
  readonly publisher: Publisher;
  /** Steps that read it; topics that end a saga are open to anyone besides. */
  readonly consumers: readonly StepName[];
  /** Part of the contract: a change moves keys to other partitions. */
  readonly partitions: number;
  readonly retentionMs: number;
  readonly key: 'orderId';
  readonly event: EventContract;
}

const PARTITIONS = 6;
const RETENTION_MS = 14 * 24 * 60 * 60 * 1000;

export const TOPICS: readonly TopicDefinition[] = EVENTS.map((event) => ({
  name: event.topic,
  publisher: event.publisher,
  consumers: (Object.keys(STEP_TOPICS) as StepName[]).filter((step) =>
    (STEP_TOPICS[step] as readonly string[]).includes(event.topic),
  ),
  partitions: PARTITIONS,
  retentionMs: RETENTION_MS,
  key: 'orderId',
  event,
}));
