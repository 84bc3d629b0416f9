import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { backOffMs, pause, retryAfterSeconds } from './pacing.ts';

describe('Retry-After', () => {
  const read = (value: string) => retryAfterSeconds(new Headers({ 'retry-after': value }));

  it('is read as seconds or as a date, and ignored as anything else', () => {
    expect(read('7')).toBe(7);
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    expect(read(inAMinute)).toBeGreaterThanOrEqual(58);
    expect(read(inAMinute)).toBeLessThanOrEqual(60);
    expect(read(new Date(0).toUTCString())).toBe(0);
    expect(read('soon')).toBeNull();
    expect(retryAfterSeconds(new Headers())).toBeNull();
  });
});

describe('the wait before a next try', () => {
  it('grows to two seconds, is shortened to half of it at most, and is never below what was asked for', () => {
    for (const [tries, longest] of [100, 200, 400, 800, 1600, 2000, 2000].entries()) {
      for (const atLeastMs of [0, 3000]) {
        const waitMs = backOffMs(tries, atLeastMs);
        expect(waitMs).toBeGreaterThanOrEqual(atLeastMs + longest / 2);
        expect(waitMs).toBeLessThanOrEqual(atLeastMs + longest);
      }
    }
  });
});

describe('a pause', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('that is broken off leaves no timer behind that would keep a program running', async () => {
    const leaving = new AbortController();
    const paused = pause(20_000, leaving.signal);
    leaving.abort(new Error('enough'));
    await expect(paused).rejects.toThrow('enough');
    expect(jest.getTimerCount()).toBe(0);
    await expect(pause(20_000, leaving.signal)).rejects.toThrow('enough');
    expect(jest.getTimerCount()).toBe(0);
  });
});
