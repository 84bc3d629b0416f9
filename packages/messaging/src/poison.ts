import type { DeadLetterReason } from './dead-letters.ts';

/** Watches how much of what a step reads is parked: a flood of it is a bad release, not poison. */
export interface PoisonMeter {
  passed(messages: number): void;
  parked(reason: DeadLetterReason): void;
  /** True once the last minute held more faults than allowed; stays so until `reset`. */
  flooded(): boolean;
  reset(): void;
}

const WINDOW_MS = 60_000;
const FAULT_SHARE = 0.05;
/** Bytes that do not parse are anybody's, and parked without limit; these two speak of this build. */
const COUNTED = new Set<DeadLetterReason>(['FAULT', 'UNKNOWN_VERSION']);

/**
 * @param perMinute more parked messages than this a minute, if they are also more than 5 % of those that parsed,
 * are a flood; 0 turns the meter off
 * @param now milliseconds
 */
export function createPoisonMeter(perMinute: number, now: () => number = Date.now): PoisonMeter {
  let windows: { at: number; passed: number; parked: number }[] = [];
  let flooded = false;

  /** Sums by second, so that the window slides without a list of messages. */
  function current() {
    const second = Math.floor(now() / 1000) * 1000;
    windows = windows.filter(({ at }) => at > second - WINDOW_MS);
    let last = windows.at(-1);
    if (last?.at !== second) windows.push((last = { at: second, passed: 0, parked: 0 }));
    return last;
  }

  return {
    passed: (messages) => void (current().passed += messages),
    parked(reason) {
      if (!COUNTED.has(reason)) return;
      current().parked += 1;
      const parked = windows.reduce((sum, window) => sum + window.parked, 0);
      const parsed = windows.reduce((sum, window) => sum + window.passed, parked);
      if (perMinute > 0 && parked > perMinute && parked > FAULT_SHARE * parsed) flooded = true;
    },
    flooded: () => flooded,
    reset() {
      windows = [];
      flooded = false;
    },
  };
}
