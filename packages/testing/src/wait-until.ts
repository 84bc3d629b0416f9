import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the message when it does not come. */
  readonly what?: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Waits until `predicate` gives a truthy value and returns it. A predicate that throws has not come true yet.
 * @throws Error naming `what` and the last error, after `timeoutMs` (10 s)
 */
export async function waitUntil<Value>(
  predicate: () => Value | Promise<Value>,
  { what = 'the condition', timeoutMs = 10_000, intervalMs = 20 }: WaitOptions = {},
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await predicate();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what} did not come within ${timeoutMs} ms${why}`, { cause: last });
    }
    await pause(intervalMs);
  }
}
