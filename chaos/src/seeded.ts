/** Choices that a seed repeats. */
export interface Seeded {
  /** At least 0 and below 1. */
  fraction(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  /** @throws RangeError when there is nothing to choose from */
  pick<Item>(items: readonly Item[]): Item;
  /** A source of its own: what one part draws does not shift what another gets. */
  fork(): Seeded;
}

/** @param seed a whole number of 32 bits; the generator is mulberry32 (Tommy Ettinger) */
export function seeded(seed: number): Seeded {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number) => min + Math.floor(fraction() * (max - min + 1));
  return {
    fraction,
    between,
    chance: (probability) => fraction() < probability,
    pick<Item>(items: readonly Item[]): Item {
      if (items.length === 0) throw new RangeError('there is nothing to choose from');
      return items[between(0, items.length - 1)] as Item;
    },
    fork: () => seeded(Math.floor(fraction() * 2 ** 32)),
  };
}
