/**
 * The sliding window both stores count in: two fixed windows, the older one weighted by what of it still lies within
 * the last window. Exactly the limit passes from a standing start, and no burst of twice the limit passes around a
 * window's edge, for two numbers a key.
 */
export const windowMs = 60_000;

/** What has passed under one key. */
export interface Passed {
  readonly current: number;
  readonly previous: number;
}

/** A limit's state after a request was counted or refused. */
export interface Quota {
  /** Requests that may follow at once. */
  readonly remaining: number;
  /** Milliseconds until one more may pass when none is left, else until the current window ends. */
  readonly resetMs: number;
}

/** Whether one more request may pass, `intoMs` after the current window began. The Redis script decides the same. */
export function admits(limit: number, { current, previous }: Passed, intoMs: number): boolean {
  return (previous * (windowMs - intoMs)) / windowMs + current + 1 <= limit;
}

export function quotaOf(limit: number, passed: Passed, intoMs: number): Quota {
  const used = (passed.previous * (windowMs - intoMs)) / windowMs + passed.current;
  const remaining = Math.max(0, Math.floor(limit - used));
  return { remaining, resetMs: remaining > 0 ? windowMs - intoMs : waitFor(limit, passed, intoMs) };
}

/** When the older window's weight has shrunk enough; if the current one is full by itself, when it is the older. */
function waitFor(limit: number, { current, previous }: Passed, intoMs: number): number {
  const room = limit - 1;
  if (current <= room) return Math.max(0, windowMs * (1 - (room - current) / previous) - intoMs);
  return windowMs - intoMs + windowMs * Math.max(0, 1 - room / current);
}
