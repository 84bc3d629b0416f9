import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Resolves when the predicate holds.
 *
 * @throws Error naming what was waited for when it does not hold within the limit.
 */
export async function waitUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}
