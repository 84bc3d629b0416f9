import { describe, expect, it } from '@jest/globals';
import { restMs, UNDER_LOAD } from './pace.ts';

describe('restMs', () => {
  const pace = { fromMessages: 8, intervalMs: 20, restRatio: 1 };

  it('is nothing after a run that carried little', () => {
    expect(restMs(pace, 7, 5)).toBe(0);
    expect(restMs(UNDER_LOAD, 95, 30)).toBe(0);
  });

  it('keeps the interval after a short run and rests as long as a long one took', () => {
    expect(restMs(pace, 8, 5)).toBe(15);
    expect(restMs(pace, 8, 30)).toBe(30);
    expect(restMs(UNDER_LOAD, 96, 10)).toBe(60);
  });

  it('rests 250 ms at most', () => {
    expect(restMs(UNDER_LOAD, 125, 60)).toBe(250);
  });

  it('does not hold up a backlog: full runs keep the interval alone', () => {
    expect(restMs(pace, 240, 30)).toBeLessThanOrEqual(0);
    expect(restMs(pace, 240, 5)).toBe(15);
    expect(restMs(UNDER_LOAD, 239, 30)).toBe(180);
    expect(restMs(UNDER_LOAD, 240, 30)).toBe(0);
  });
});
