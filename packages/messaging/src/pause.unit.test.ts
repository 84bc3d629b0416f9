import { describe, expect, it } from '@jest/globals';
import { backOffMs, pause, within } from './pause.ts';

const timed = async (work: Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work;
  return performance.now() - started;
};

describe('pause', () => {
  it('waits its time, less when the signal aborts, and not at all when it has', async () => {
    const signal = new AbortController();
    expect(await timed(pause(60, signal.signal))).toBeGreaterThan(55);
    const long = timed(pause(60_000, signal.signal));
    signal.abort();
    expect(await long).toBeLessThan(5_000);
    expect(await timed(pause(60_000, signal.signal))).toBeLessThan(5_000);
  });
});

describe('within', () => {
  it('waits for work that settles, also by rejecting', async () => {
    await within(60_000, Promise.resolve());
    await within(60_000, Promise.reject(new Error('unheard')));
  });

  it('waits no longer than its time', async () => {
    expect(await timed(within(50, new Promise(() => undefined)))).toBeGreaterThan(45);
  });
});

describe('back-off', () => {
  it('grows from 50 ms to 2 s, 25 % up or down', () => {
    const expected = [50, 100, 200, 400, 800, 1600, 2000, 2000];
    for (const [attempt, ms] of expected.entries()) {
      const samples = Array.from({ length: 200 }, () => backOffMs(attempt));
      expect(Math.min(...samples)).toBeGreaterThanOrEqual(ms * 0.75);
      expect(Math.max(...samples)).toBeLessThanOrEqual(ms * 1.25);
      expect(Math.max(...samples)).toBeGreaterThan(ms);
      expect(Math.min(...samples)).toBeLessThan(ms);
    }
    expect(backOffMs(1_000_000)).toBeLessThanOrEqual(2_500);
  });
});
