/** A rate or an age with two decimals: more of them say nothing. */
export function rounded<Value extends number | null>(value: Value): Value;
export function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
