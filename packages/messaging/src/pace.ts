/** When the next run of a step may start. */
export interface Pace {
  /** A run of fewer messages is followed by the next one at once: pacing single ones costs latency and saves nothing. */
  readonly fromMessages: number;
  /** A run starts at the earliest this long after the one before it … */
  readonly intervalMs: number;
  /** … and the step rests so many times as long as that one took. */
  readonly restRatio: number;
}

/**
 * What a step does unless told otherwise. A run takes longer than its work when the machine is short of CPU: a rest in
 * proportion joins the next waves of messages then, and is short while there is CPU enough. At half of the peak runs of
 * one instance carry 57 messages; at the peak those of one of two carry 125 and take 27 ms. With a ratio of 10 a rest at
 * half of the peak would gather as many messages as call for the next one.
 */
export const UNDER_LOAD: Pace = { fromMessages: 96, intervalMs: 0, restRatio: 6 };

/** Runs of the peak of one instance, and of a backlog: a rest would save little and hold up what waits. */
const FULL_RUN = 240;
const MAX_REST_MS = 250;

/** @returns milliseconds to wait after a run of so many messages that took `tookMs`; none when zero or below */
export function restMs(pace: Pace, messages: number, tookMs: number): number {
  if (messages < pace.fromMessages) return 0;
  const rest = messages < FULL_RUN ? Math.min(MAX_REST_MS, pace.restRatio * tookMs) : 0;
  return Math.max(rest, pace.intervalMs - tookMs);
}
