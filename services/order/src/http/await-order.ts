import { z } from 'zod';
import type { RawAnswer } from '@orderflow/service-runtime/route';
import { isFinal } from '../domain/order.ts';
import type { OrderFeed, OrderNow } from './order-feed.ts';
import type { OrderShape } from './order-shape.ts';

interface WaitingRequest {
  readonly preferWaitSeconds: number | null;
  /** Made when it is read, which costs more than a request that does not wait. */
  readonly signal: AbortSignal;
}

interface Shown<Status> {
  readonly status: Status;
  readonly body: OrderShape;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers a request that placed an order, or did so before, when the order is over or the caller's patience is. */
export type AwaitOrder = (
  accepted: RawAnswer,
  request: WaitingRequest,
  startedAt: number,
) => Promise<RawAnswer | Shown<201> | Shown<202>>;

const acceptedSchema = z.object({ id: z.int() });

/**
 * `Prefer: wait=N`: 201 with the order once it is PAID or CANCELLED, else 202 with the order as it is after N seconds
 * from the request's start. A stop of the process ends all waits at once.
 * @param waitersMax beyond it nobody waits, which the answer tells by the absence of Preference-Applied
 */
export function createAwaitOrder(feed: OrderFeed, waitersMax: number): AwaitOrder {
  let waiting = 0;
  return async (accepted, request, startedAt) => {
    const { preferWaitSeconds: seconds } = request;
    if (seconds === null || waiting >= waitersMax) return accepted;
    const headers = { ...accepted.headers, 'Preference-Applied': `wait=${seconds}` };
    if (seconds === 0) return { ...accepted, headers };
    const { id } = acceptedSchema.parse(JSON.parse(accepted.json));
    const watch = feed.watch(id, 'CREATED', request.signal);
    const timer = setTimeout(() => watch.end(), startedAt + seconds * 1_000 - performance.now());
    waiting += 1;
    try {
      let last: OrderNow | null = null;
      for (let now = await watch.next(); now; now = await watch.next()) {
        last = now;
        if (isFinal(now.order.status)) return { status: 201, body: now.order, headers };
      }
      return last ? { status: 202, body: last.order, headers } : { ...accepted, headers };
    } finally {
      waiting -= 1;
      clearTimeout(timer);
      watch.end();
    }
  };
}
