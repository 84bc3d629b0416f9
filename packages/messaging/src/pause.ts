/** Waits `ms` or until the signal aborts; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Waits until `work` has settled, `ms` at most; never rejects, and leaves no timer. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  const end = () => settled.abort();
  work.then(end, end);
  await pause(ms, settled.signal);
}

/** Exponential back-off with jitter: 50 ms, 100 ms … up to 2 s, each ± 25 %, so that processes do not return in step. */
export function backOffMs(attempt: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 2);
}
