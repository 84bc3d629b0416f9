import type { Percentiles } from '../result.ts';

/**
 * Nearest-rank percentiles: each is a value that occurred.
 * @throws RangeError without values
 */
export function percentilesOf(valuesMs: readonly number[]): Percentiles {
  if (valuesMs.length === 0) throw new RangeError('no values to take percentiles of');
  const sorted = Float64Array.from(valuesMs).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  return { n: sorted.length, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) };
}
