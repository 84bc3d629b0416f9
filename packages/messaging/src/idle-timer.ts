import { kafkajsInternal } from './kafkajs-internals.ts';

interface RequestQueue {
  pending: unknown[];
}
interface RequestQueuePrototype {
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const patched = new WeakSet<RequestQueuePrototype>();

/**
 * Stops the timer that every kafkajs connection re-arms each millisecond while it has nothing to send
 * (kafkajs issue 1751: 3–5 % of a core for an idle process). With nothing pending there is nothing to check:
 * `push` arms the timer itself when it queues a request, throttled or not. May be called any number of times.
 * @throws Error when kafkajs is not the release this was written for.
 */
export function stopIdleTimer(): void {
  const { prototype } = kafkajsInternal('network/requestQueue') as { prototype: RequestQueuePrototype };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
}
