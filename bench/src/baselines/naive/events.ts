import type { RefusalReason } from '../order.ts';

export const SERVICES = ['order', 'product', 'coupon', 'balance', 'payment'] as const;
export type Service = (typeof SERVICES)[number];

/** Who reads which event. */
export const CONSUMERS = {
  'order-created': ['product'],
  'stock-reserved': ['coupon'],
  'stock-rejected': ['order'],
  'coupon-applied': ['balance'],
  'coupon-rejected': ['order'],
  'balance-charged': ['payment'],
  'balance-rejected': ['order'],
  'payment-completed': ['order'],
  'order-paid': ['product'],
  'order-cancelled': ['product', 'coupon'],
} as const satisfies Record<string, readonly Service[]>;

export type EventName = keyof typeof CONSUMERS;

export const EVENT_NAMES = Object.keys(CONSUMERS) as EventName[];

export function topicOf(event: EventName): string {
  return `naive.${event}`;
}

/** The order so far: what a step does not know yet is null. Amounts are decimal strings. */
export interface OrderData {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
  readonly items: readonly {
    readonly productId: number;
    readonly quantity: number;
    readonly unitPrice: string | null;
    readonly totalPrice: string | null;
  }[];
  /** Known: the order's stock was taken. */
  readonly originalAmount: string | null;
  /** Known: its coupon was used. */
  readonly discountAmount: string | null;
  readonly totalAmount: string | null;
  readonly reason: RefusalReason | null;
  readonly paidAt: string | null;
}

export interface OutgoingEvent {
  readonly event: EventName;
  readonly data: OrderData;
}
