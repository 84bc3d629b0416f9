import { memoized, type Saga } from './saga.ts';
import { check } from './promises.ts';
import { movesFrom, newOrder, Violation, type Bounds, type World } from './world.ts';

export interface Exploration {
  readonly states: number;
  readonly ms: number;
  /** Null when every promise holds; else the shortest way to break one, a line a move, and what broke. */
  readonly violation: { readonly trace: readonly string[]; readonly broken: string } | null;
}

/** Objects that worlds share, by what they say: equal ones get one number, so that a world's key is short. */
function numbering(): (value: object | null) => number {
  const byText = new Map<string, number>();
  const byObject = new WeakMap<object, number>();
  return (value) => {
    if (value === null) return 0;
    let number = byObject.get(value);
    if (number === undefined) {
      const text = JSON.stringify(value, (_, field: unknown) =>
        typeof field === 'bigint' ? `${field}n` : field,
      );
      number = byText.get(text) ?? byText.size + 1;
      byText.set(text, number);
      byObject.set(value, number);
    }
    return number;
  };
}

/** Names worlds by what is in them, as short as can be. */
export function worldNames(): (world: World) => string {
  const number = numbering();
  return ({ order, rows, books, published, inFlight, parks }) => {
    let name = `${number(order)},${parks},${books.stock},${books.coupon},${books.charged},${books.paid},${books.sold}`;
    for (const row of Object.values(rows)) name += `,${number(row)}`;
    for (const { event, delivered, parked } of published) name += `;${number(event)},${delivered},${parked}`;
    if (inFlight.length === 0) return name;
    const handlers = inFlight.map(
      ({ step, event, facts, row }) => `${step},${number(event)},${number(facts)},${number(row)}`,
    );
    return `${name}|${handlers.sort().join('|')}`;
  };
}

/**
 * Walks every interleaving of one order's messages, breadth first: delivered in any order and any number of times, with
 * a cancel, a time-out and nudges at any moment, each participant free to refuse, each handler in two moves.
 */
export function explore(given: Saga, bounds: Bounds): Exploration {
  const saga = memoized(given);
  const started = performance.now();
  const keyOf = worldNames();
  const start = newOrder();
  /** How each world was first reached; a breadth-first walk reaches it by a shortest way. */
  const cameFrom = new Map<string, { from: string; label: string } | null>([[keyOf(start), null]]);
  const trace = (key: string): string[] => {
    const labels: string[] = [];
    for (let step = cameFrom.get(key); step; step = cameFrom.get(step.from)) labels.unshift(step.label);
    return labels;
  };
  let frontier: { key: string; world: World }[] = [{ key: keyOf(start), world: start }];
  const result = (violation: Exploration['violation']) => ({
    states: cameFrom.size,
    ms: Math.round(performance.now() - started),
    violation,
  });
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { key, world } of frontier) {
      try {
        check(saga, world, bounds);
        for (const { label, world: reached } of movesFrom(saga, world, bounds)) {
          if (reached === world) continue;
          const reachedKey = keyOf(reached);
          if (cameFrom.has(reachedKey)) continue;
          cameFrom.set(reachedKey, { from: key, label });
          next.push({ key: reachedKey, world: reached });
        }
      } catch (error) {
        if (!isViolation(error)) throw error;
        return result({ trace: trace(key), broken: error.message });
      }
    }
    frontier = next;
  }
  return result(null);
}

/** A fault that a decide throws is one too: no schedule may make it say that a refund lacks its charge (rule R11). */
function isViolation(error: unknown): error is Error {
  return (
    error instanceof Violation ||
    (error instanceof Error && 'code' in error && error.code === 'REFUND_WITHOUT_CHARGE')
  );
}
