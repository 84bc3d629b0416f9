import { describe, expect, it } from '@jest/globals';
import { percentilesOf } from './percentiles.ts';

describe('percentilesOf', () => {
  it('names values that occurred, by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentilesOf(values)).toEqual({ n: 200, p50Ms: 100, p90Ms: 180, p99Ms: 198, maxMs: 200 });
  });

  it('takes a single value for all', () => {
    expect(percentilesOf([7])).toEqual({ n: 1, p50Ms: 7, p90Ms: 7, p99Ms: 7, maxMs: 7 });
  });

  it('sorts by size, not as text', () => {
    expect(percentilesOf([10, 9, 100]).p50Ms).toBe(10);
  });

  it('refuses to speak of nothing', () => {
    expect(() => percentilesOf([])).toThrow(RangeError);
  });
});
