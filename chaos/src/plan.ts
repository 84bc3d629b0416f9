import { FAULT_KINDS, type FaultName } from './kinds.ts';
import type { Seeded } from './seeded.ts';

/** One fault of a plan. */
export interface PlannedFault {
  readonly number: number;
  readonly kind: FaultName;
  readonly target: string;
  readonly lastsMs: number;
  /** No other fault happens while it does: its recovery is its own. */
  readonly alone: boolean;
  /** Drawn for it alone, for what it has to choose when it happens. */
  readonly seed: number;
}

/** Half of the faults of processes are measured; the other half meets what else happens. */
const ALONE = 0.5;

/**
 * Faults in the order in which they begin, each kind at least once when there are enough of them.
 * @param kinds only these; all by default
 */
export function planFaults(
  count: number,
  random: Seeded,
  kinds: readonly FaultName[] = FAULT_KINDS.map(({ name }) => name),
): PlannedFault[] {
  const chosen = FAULT_KINDS.filter(({ name }) => kinds.includes(name));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  const drawn = chosen.slice(0, count);
  while (drawn.length < count) {
    let ticket = random.between(1, shares);
    drawn.push(...chosen.filter(({ share }) => ticket > 0 && (ticket -= share) <= 0));
  }
  return shuffled(drawn, random).map(({ name, targets, lastsMs, lane }, index) => {
    return {
      number: index + 1,
      kind: name,
      target: random.pick<string>(targets),
      lastsMs: random.between(lastsMs[0], lastsMs[1]),
      alone: random.chance(ALONE) && lane === 'processes',
      seed: random.between(0, 2 ** 31 - 1),
    };
  });
}

function shuffled<Item>(items: readonly Item[], random: Seeded): Item[] {
  const shuffledItems = [...items];
  for (let last = shuffledItems.length - 1; last > 0; last -= 1) {
    const other = random.between(0, last);
    [shuffledItems[last], shuffledItems[other]] = [shuffledItems[other] as Item, shuffledItems[last] as Item];
  }
  return shuffledItems;
}
