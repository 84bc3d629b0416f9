/** What several rounds measured: the middle, the ends, and how many there were. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * The middle value, or the mean of the two in the middle. NaN among the values gives NaN: a round that measured nothing
 * is not outvoted by the others.
 * @throws RangeError without values
 */
export function median(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('No values, no median.');
  return (lower + upper) / 2;
}

/** Undefined without values: it was not run. */
export function summaryOf(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  return {
    count: values.length,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}

/**
 * Joins two arms round by round: the machine's speed drifts by a factor of two within an hour, so a figure is compared
 * with its neighbour of the same round alone. Rounds that only one of the two has are left out.
 */
function byRound(
  a: readonly number[],
  b: readonly number[],
  join: (a: number, b: number) => number,
): number[] {
  return a.slice(0, b.length).map((value, round) => join(value, b[round] ?? NaN));
}

/** Round i of `a` / round i of `b`. The median of these is not the ratio of the medians. */
export const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  byRound(a, b, (x, y) => x / y);

/** Round i of `a` − round i of `b`. */
export const differences = (a: readonly number[], b: readonly number[]): number[] =>
  byRound(a, b, (x, y) => x - y);
