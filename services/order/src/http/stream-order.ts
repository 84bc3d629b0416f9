import { z } from 'zod';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute, type ServerEvent } from '@orderflow/service-runtime/route';
import { isFinal } from '../domain/order.ts';
import type { OrderFeed, OrderNow, OrderWatch } from './order-feed.ts';
import { orderSchema, type OrderShape } from './order-shape.ts';
import { orderNotFound } from './read-order.ts';

/**
 * The order's statuses as they come, the present one first; it ends after PAID and after CANCELLED. An event's id is
 * that of the timeline's line which brought the status. With `Last-Event-ID` that status is not sent again, and when
 * nothing can follow it the answer is 204, which ends an EventSource's tries; any other value is as none.
 * @param streamsMax open streams of this process; beyond it 503 SATURATED
 */
export function streamOrder(feed: OrderFeed, streamsMax: number) {
  let open = 0;
  return defineRoute({
    method: 'GET',
    path: '/v1/orders/{id}/stream',
    caller: 'user',
    operationId: 'streamOrder',
    summary: "An order's statuses as they come",
    params: z.object({ id: pathId }),
    stream: { event: 'status', data: orderSchema },
    answers: { 204: z.undefined() },
    problems: ['ORDER_NOT_FOUND', 'SATURATED'],
    async handle(request) {
      const { params, caller, signal } = request;
      if (open >= streamsMax) {
        throw problem('SATURATED', { detail: 'too many streams are open', headers: { 'Retry-After': '1' } });
      }
      if (!signal.aborted) {
        open += 1;
        signal.addEventListener('abort', () => (open -= 1), { once: true });
      }
      const watch = feed.watch(params.id, null, signal);
      const first = await watch.next();
      // The process stops, or the caller has gone, which says nothing of the order: who comes back is told elsewhere.
      if (!first && signal.aborted) return { status: 200, events: statuses(watch, null) };
      if (first?.order.userId !== caller.userId) throw orderNotFound(params.id);
      const isKnown = request.header('last-event-id') === String(first.eventId);
      if (isKnown && isFinal(first.order.status)) return { status: 204, body: undefined };
      return { status: 200, events: statuses(watch, isKnown ? null : first) };
    },
  });
}

async function* statuses(watch: OrderWatch, first: OrderNow | null): AsyncGenerator<ServerEvent<OrderShape>> {
  for (let now = first ?? (await watch.next()); now; now = await watch.next()) {
    yield { id: now.eventId, data: now.order };
    if (isFinal(now.order.status)) return;
  }
}
