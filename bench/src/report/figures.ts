import type { Summary } from './statistics.ts';

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const THREE_DIGITS = new Intl.NumberFormat('en-US', {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});
const TWO_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 });

/** What stands where nothing was measured. */
export const NOTHING = '–';

/** `2,488`, `71.8`, `0.0423`, `∞`: three digits below a hundred, whole above. */
export function figure(value: number): string {
  return Math.abs(value) < 100 ? THREE_DIGITS.format(value) : WHOLE.format(value);
}

/** `2,488`. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** `0.04`, `7.3`, `120`: how far off something is. */
export function rough(value: number): string {
  return Math.abs(value) < 100 ? TWO_DIGITS.format(value) : WHOLE.format(value);
}

/** `1,663 [1,594–1,679]`; one round has no spread, no round is `–`. */
export function withSpread(summary: Summary | undefined, text: (value: number) => string = figure): string {
  if (!summary) return NOTHING;
  return summary.count === 1 ? text(summary.median) : `${text(summary.median)} ${spread(summary, text)}`;
}

/** `[1,594–1,679]`. */
export function spread({ min, max }: Summary, text: (value: number) => string = figure): string {
  return `[${text(min)}–${text(max)}]`;
}
