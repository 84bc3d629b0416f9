import { randomInt } from 'node:crypto';

/**
 * The seed of a run's random choices: ORDERFLOW_SEED, or a new one. A test names it in its title, so that what failed
 * can be made again.
 */
export function runSeed(): number {
  return Number(process.env['ORDERFLOW_SEED']) || randomInt(1, 2 ** 31);
}

/** Choices that a seed repeats. */
export interface Choices {
  /** One of `items`, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  chance(probability: number): boolean;
}

/** @param seed a whole number of 32 bits; the generator is mulberry32 (Tommy Ettinger) */
export function choicesOf(seed: number): Choices {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    pick: <Item>(items: readonly Item[]): Item => items[Math.floor(fraction() * items.length)] as Item,
    chance: (probability) => fraction() < probability,
  };
}
