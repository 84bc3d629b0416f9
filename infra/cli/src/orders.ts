import type { Order, OrderEvent, OrderRequest } from '@orderflow/client/api-types';
import type { OrderflowClient } from '@orderflow/client';
import { timeText } from './screen.ts';

/** A stage of an order's way and how long it took, in milliseconds. */
export interface Stage {
  readonly type: OrderEvent['type'];
  readonly ms: number;
}

/** The time from each event of a timeline to the next; the first is 0. Events of one batch share their time. */
export function stagesOf(events: readonly OrderEvent[]): Stage[] {
  return events.map((event, index) => {
    const before = events[index - 1] ?? event;
    return { type: event.type, ms: Date.parse(event.createdAt) - Date.parse(before.createdAt) };
  });
}

/** From the first event to the last, in milliseconds. */
export function totalMs(stages: readonly Stage[]): number {
  return stages.reduce((sum, { ms }) => sum + ms, 0);
}

/** `STOCK_RESERVED 31 ms · COUPON_APPLIED 28 ms` */
export function stagesText(stages: readonly Stage[]): string {
  return stages
    .slice(1)
    .map(({ type, ms }) => `${type} ${timeText(ms)}`)
    .join(' · ');
}

export async function timelineOf(client: OrderflowClient, id: number): Promise<OrderEvent[]> {
  const events: OrderEvent[] = [];
  for await (const event of client.listAll('/v1/orders/{id}/events', { params: { path: { id } } }))
    events.push(event);
  return events;
}

/** `PAID`, or `CANCELLED OUT_OF_STOCK`. */
export function stateText({ status, failureReason }: Order): string {
  return failureReason === null ? status : `${status} ${failureReason}`;
}

/** The value below which `share` of the values lie (nearest rank); null without any. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** What each of `count` orders asks for: the given items, or one piece of the products in turn. */
export function basketFor(
  items: OrderRequest['items'],
  products: readonly { readonly id: number }[],
  index: number,
): OrderRequest['items'] {
  if (items.length > 0) return items;
  const product = products[index % products.length];
  if (!product) throw new Error('nothing is on sale');
  return [{ productId: product.id, quantity: 1 }];
}
