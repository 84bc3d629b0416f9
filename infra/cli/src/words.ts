import { InvalidArgumentError } from 'commander';

const ID_MAX = Number.MAX_SAFE_INTEGER;

/** A whole number within limits, for commander: a wrong one is a usage error that names the option. */
export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

export const id = wholeNumber(1, ID_MAX);

/** `1 2 3` and `1,2,3`, collected over several words. */
export function ids(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, ...text.split(',').map(id)];
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span of time, `30s`, `10m`, `2h`, `1d`, in milliseconds. */
export function duration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = UNIT_MS[unit];
  if (ms === undefined) throw new InvalidArgumentError('It must be a time like 30s, 10m, 2h or 1d.');
  return Number(count) * ms;
}

/** One of a closed set. */
export function oneOf<Word extends string>(words: readonly Word[]) {
  return (text: string): Word => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be one of ${words.join(', ')}.`);
  };
}
