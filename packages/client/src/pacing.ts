const BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 2000;

/** What an answer's `Retry-After` asks for, in seconds; null without one. Seconds and HTTP dates are read. */
export function retryAfterSeconds(headers: Headers): number | null {
  const value = headers.get('retry-after');
  if (value === null) return null;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

/**
 * The wait before try number `attempt` + 1, in milliseconds: at least what the answer asked for, and on top a back-off
 * from 100 ms to 2 s, shortened by chance to half of it, so that callers who failed together do not come back together.
 *
 * @param attempt 0 for the wait after the first try
 */
export function backOffMs(attempt: number, atLeastMs = 0): number {
  const longest = Math.min(BACK_OFF_MS * 2 ** attempt, LONGEST_BACK_OFF_MS);
  return atLeastMs + longest * (0.5 + Math.random() / 2);
}

/** Resolves after `ms`. @throws the signal's reason as soon as it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      // What the caller aborts with is the caller's to choose; an AbortError by default.
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
