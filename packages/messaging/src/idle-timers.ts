import { kafkajsInternal } from './kafkajs-internals.ts';

interface InFlight {
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest: () => void;
}
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, InFlight>;
  readonly enforceRequestTimeout: boolean;
  readonly isConnected: () => boolean;
  requestTimeoutIntervalId: NodeJS.Timeout | null;
  destroy: () => void;
}
interface RequestQueuePrototype {
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
  scheduleRequestTimeoutCheck: (this: RequestQueue) => void;
}

/** How much later than its time-out a request may be given up. */
const TIMEOUT_CHECK_MS = 1_000;

const patched = new WeakSet<RequestQueuePrototype>();

/**
 * Calms the two timers that every kafkajs connection keeps while nothing happens. One is re-armed each millisecond
 * (kafkajs issue 1751: 3–5 % of a core for an idle process): with nothing pending there is nothing to check, and `push`
 * arms it itself when it queues a request, throttled or not. The other looks for requests that are too old every 100 ms,
 * for time-outs of ten seconds: idle services woke 22 to 41 times a second, 24 to 28 without it, and a wake takes 0.2 to
 * 0.4 ms. May be called any number of times.
 * @throws Error when kafkajs is not the release this was written for.
 */
export function calmIdleTimers(): void {
  const { prototype } = kafkajsInternal('network/requestQueue') as { prototype: RequestQueuePrototype };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function checkEachSecond() {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => giveUpOverdue(this), TIMEOUT_CHECK_MS);
  };
}

function giveUpOverdue(queue: RequestQueue): void {
  const now = Date.now();
  for (const request of queue.inflight.values()) {
    if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
  }
  if (!queue.isConnected()) queue.destroy();
}
