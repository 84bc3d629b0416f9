/** Whether a service is worth asking. */
export interface Circuit {
  /** False while the service counts as away: refuse at once. Once a second one request is let through to see. */
  admits(): boolean;
  /** The service has answered, with whatever status: it lives. */
  answered(): void;
  /** A request that began at `startedAt` (performance.now()) got no answer. */
  failed(startedAt: number): void;
  isOpen(): boolean;
}

const failuresMax = 5;
const retryMs = 1_000;

/**
 * Opens after five requests in a row without an answer, closes with the next answer. A request that began before the
 * last answer says nothing: a single slow route, or what a hang left behind, opens nothing.
 *
 * cockatiel is left out (ADR 0008): it wraps a promise, and a forwarded request has its verdict at the first byte of
 * the answer, long before it ends.
 */
export function createCircuit(now: () => number = () => performance.now()): Circuit {
  let failures = 0;
  let lastAnswerAt = -Infinity;
  let nextTryAt = 0;
  const isOpen = () => failures >= failuresMax;
  return {
    isOpen,
    admits() {
      if (!isOpen()) return true;
      if (now() < nextTryAt) return false;
      nextTryAt = now() + retryMs;
      return true;
    },
    answered() {
      failures = 0;
      lastAnswerAt = now();
    },
    failed(startedAt) {
      if (startedAt < lastAnswerAt) return;
      failures += 1;
      if (failures === failuresMax) nextTryAt = now() + retryMs;
    },
  };
}
