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
 * Which step reads which topics. A step's name is its consumer group, span, metric label and log field: renaming one
 * replays all retained history, and its alarms and dashboards go quiet. A group's topic list is fixed, since members
 * with differing lists leave partitions unread (kafkajs issues 1679, 1040).
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
  readonly consumers: readonly StepName[];
  /** Ends a saga, so it is for anyone to read: analytics, mails, other systems. The rest is the saga's own talk. */
  readonly open: boolean;
  /** Part of the contract: a change moves keys to other partitions. */
  readonly partitions: number;
  readonly retentionMs: number;
  readonly key: 'orderId';
  readonly event: EventContract;
}

/** Throughput does not depend on it (1, 3, 6: ± 2 %, measured); it is the most instances a step can have. */
const PARTITIONS = 6;
const RETENTION_MS = 14 * 24 * 60 * 60 * 1000;
const OPEN: readonly EventContract[] = [OrderPaid, OrderCancelled];

/** Every topic. A name is part of the contract: a renamed topic is an empty one, and its old events are never read. */
export const TOPICS: readonly TopicDefinition[] = EVENTS.map((event) => ({
  name: event.topic,
  publisher: event.publisher,
  consumers: (Object.keys(STEP_TOPICS) as StepName[]).filter((step) =>
    (STEP_TOPICS[step] as readonly string[]).includes(event.topic),
  ),
  open: OPEN.includes(event),
  partitions: PARTITIONS,
  retentionMs: RETENTION_MS,
  key: 'orderId',
  event,
}));
