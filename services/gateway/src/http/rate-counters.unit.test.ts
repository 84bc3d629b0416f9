import { describe, expect, it } from '@jest/globals';
import { createMemoryCounters, type Taken } from './rate-counters.ts';
import { admits, quotaOf, windowMs } from './rate-window.ts';

describe('the sliding window', () => {
  const from = { current: 0, previous: 0 };

  it('lets exactly the limit pass from a standing start', () => {
    expect(admits(600, { ...from, current: 599 }, 0)).toBe(true);
    expect(admits(600, { ...from, current: 600 }, windowMs - 1)).toBe(false);
  });

  it('lets no burst of twice the limit pass around a window’s edge', () => {
    expect(admits(600, { current: 0, previous: 600 }, 0)).toBe(false);
    expect(admits(600, { current: 299, previous: 600 }, windowMs / 2)).toBe(true);
    expect(admits(600, { current: 300, previous: 600 }, windowMs / 2)).toBe(false);
  });

  it('tells how many may follow at once', () => {
    expect(quotaOf(600, { current: 100, previous: 0 }, 15_000)).toEqual({ remaining: 500, resetMs: 45_000 });
    expect(quotaOf(600, { current: 100, previous: 400 }, 15_000).remaining).toBe(200);
  });

  // Every state of a small limit: after the wait one more passes, a moment before it none does.
  const limit = 3;
  const states = [0, 1, 2, 3].flatMap((current) =>
    [0, 1, 2, 3].flatMap((previous) => [0, 7_000, 30_000, 59_999].map((into) => [current, previous, into])),
  );
  const later = ([current = 0, previous = 0]: number[], at: number) =>
    at < windowMs
      ? admits(limit, { current, previous }, at)
      : admits(limit, { current: 0, previous: current }, at - windowMs);

  it.each(states.filter(([c = 0, p = 0, into = 0]) => !admits(limit, { current: c, previous: p }, into)))(
    'tells exactly how long to wait: %d now, %d before, %d ms into the window',
    (current, previous, into) => {
      const { remaining, resetMs } = quotaOf(limit, { current, previous }, into);
      expect(remaining).toBe(0);
      expect(later([current, previous], into + resetMs + 0.001)).toBe(true);
      if (resetMs > 1) expect(later([current, previous], into + resetMs - 1)).toBe(false);
    },
  );
});

describe('counting in memory', () => {
  const start = windowMs * 1_000;

  function counters(keysMax?: number) {
    let at = start;
    const counting = createMemoryCounters({ now: () => at, ...(keysMax === undefined ? {} : { keysMax }) });
    return {
      counting,
      take: (...limits: [string, number][]) => taken(counting, limits),
      pass: (ms: number) => void (at += ms),
    };
  }
  const taken = (counting: ReturnType<typeof createMemoryCounters>, limits: [string, number][]) =>
    counting.take(limits.map(([key, max]) => ({ key, max }))) as Taken;

  it('counts a request that one limit refuses under none', () => {
    const { take } = counters();
    for (let request = 0; request < 3; request += 1) take(['user', 3], ['address', 10]);
    for (let request = 0; request < 5; request += 1) {
      expect(take(['user', 3], ['address', 10])).toMatchObject({
        admitted: false,
        passed: [{ current: 3 }, { current: 3 }],
      });
    }
    expect(take(['other', 3], ['address', 10])).toMatchObject({
      admitted: true,
      passed: [{ current: 1 }, { current: 4 }],
    });
  });

  it('remembers the last window and forgets those before', () => {
    const { take, pass } = counters();
    take(['user', 3]);
    pass(windowMs);
    expect(take(['user', 3]).passed).toEqual([{ current: 1, previous: 1 }]);
    pass(2 * windowMs);
    expect(take(['user', 3]).passed).toEqual([{ current: 1, previous: 0 }]);
  });

  it('keeps a bounded number of keys, the longest unused going first', () => {
    const { counting, take } = counters(100);
    take(['mine', 3]);
    for (let address = 0; address < 10_000; address += 1) {
      take([`address ${address}`, 3]);
      if (address % 50 === 0) take(['mine', 1_000]);
    }
    expect(counting.size()).toBe(100);
    expect(take(['mine', 1_000]).passed).toEqual([{ current: 202, previous: 0 }]);
  });
});
