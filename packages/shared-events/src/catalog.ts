import type { EventContract, Publisher } from './contract.ts';
import { CouponApplied, CouponRejected, CouponRestored } from './coupon.ts';
import { OrderCancelled, OrderCancelling, OrderCreated, OrderPaid } from './order.ts';
import { PaymentCompleted, PaymentRefunded, PaymentRejected } from './payment.ts';
import { StockRejected, StockReleased, StockReserved } from './product.ts';
import { BalanceCharged, BalanceRefunded, BalanceRejected } from './user-balance.ts';

/** Every event in the order of the saga, in each version that a topic may still hold. */
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
  /** The newest version. */
  readonly event: EventContract;
  /** What the topic may hold, oldest first: a version is read for as long as its last message is kept. */
  readonly versions: readonly EventContract[];
}

/** Throughput does not depend on it (1, 3, 6: ± 2 %, measured); it is the most instances a step can have. */
const PARTITIONS = 6;
const RETENTION_MS = 14 * 24 * 60 * 60 * 1000;
const OPEN: readonly string[] = [OrderPaid.topic, OrderCancelled.topic];

/** Every topic. A name is part of the contract: a renamed topic is an empty one, and its old events are never read. */
export const TOPICS = topicsOf(EVENTS);

/** The topics of these events: one each, whatever versions of its event there are. */
export function topicsOf(events: readonly EventContract[]): readonly TopicDefinition[] {
  return [...new Set(events.map(({ topic }) => topic))].map((topic) => {
    const versions = events.filter((event) => event.topic === topic).sort((a, b) => a.version - b.version);
    const event = versions.at(-1) as EventContract;
    return {
      name: topic,
      publisher: event.publisher,
      consumers: (Object.keys(STEP_TOPICS) as StepName[]).filter((step) =>
        (STEP_TOPICS[step] as readonly string[]).includes(topic),
      ),
      open: OPEN.includes(topic),
      partitions: PARTITIONS,
      retentionMs: RETENTION_MS,
      key: 'orderId',
      event,
      versions,
    };
  });
}
