import type { Exploration } from './explore.ts';
import { brokenAlone, walkAlone, withoutIdleMessages, type MoveAlone } from './one-of-two.ts';
import { memoized, ORDER, QUANTITY, TOTAL, type Saga } from './saga.ts';
import { holdsSomething, isAtRest, type Bounds, type World } from './world.ts';

/** What both orders ask for, each all that there is of it: the product's stock, one coupon, their user's balance. */
const SHARED = ['stock', 'coupon', 'balance'] as const;
export type Shared = (typeof SHARED)[number];

/** Two equal orders, and what there is for them. */
export interface Sharing {
  /** What is there for one of them only; of the rest there is enough for both. */
  readonly scarce: readonly Shared[];
  /** The moves of each order. Bounds on two orders at once: their worlds are counted in pairs. */
  readonly bounds: Bounds;
  /** Whether payment may refuse at will. */
  readonly paymentRefuses: boolean;
  /** Whether one of them must end PAID. */
  readonly onePaid: boolean;
  /** Read without its lock: a handler decides on what another has taken and not saved yet. */
  readonly unlocked?: Shared;
}

/** A world of one order, as far as the other one and the promises are concerned. */
interface Local {
  readonly moves: readonly MoveAlone[];
  /** How often it has each of `SHARED`: once, or not at all. */
  readonly held: readonly number[];
  /** Whether its row says that it has it. */
  readonly claims: readonly boolean[];
  /** Bits of `SHARED` that a handler of it has locked. */
  readonly locks: number;
  readonly isPaid: boolean;
  readonly isAtRest: boolean;
  /** What is wrong with the order whatever the other does. */
  readonly broken: string | null;
}

/** A pair is one number, `a * size + b` with a ≤ b, and has to fit into 32 bits. */
const MAX_LOCALS = 0xffff;

/**
 * Walks every interleaving of two orders, breadth first. They meet only in what they share, so the worlds of one order
 * are built once, free to get it or not, and the walk is over pairs of them: a move that asks for stock, coupon or money
 * is there when the pair leaves enough of it, or too little, and when the other's handler has not locked it. The orders
 * are equal, so a pair and its mirror image are one.
 */
export function exploreTwo(given: Saga, sharing: Sharing): Exploration {
  const started = performance.now();
  const locals = localWorlds(memoized(given), sharing.bounds);
  const size = locals.length;
  const pairs = pairsOf(locals, sharing);
  const seen = new Uint32Array(Math.ceil((size * size) / 32));
  const levels: Uint32Array[] = [];
  seen[0] = 1;
  let states = 1;
  const result = (violation: Exploration['violation']) => ({
    states,
    ms: Math.round(performance.now() - started),
    violation,
  });
  let frontier = Uint32Array.of(0);
  while (frontier.length > 0) {
    levels.push(frontier);
    const next: number[] = [];
    for (const pair of frontier) {
      const a = Math.floor(pair / size);
      const b = pair % size;
      const broken = pairs.brokenIn(a, b);
      if (broken !== null) return result({ trace: pairs.traceTo(levels, pair), broken });
      pairs.forEachNext(a, b, (reached) => {
        const word = reached >>> 5;
        const bit = 1 << (reached & 31);
        if ((seen[word] as number) & bit) return;
        seen[word] = (seen[word] as number) | bit;
        next.push(reached);
      });
    }
    states += next.length;
    frontier = Uint32Array.from(next);
  }
  return result(null);
}

function localWorlds(saga: Saga, bounds: Bounds): Local[] {
  const { worlds, moves } = walkAlone(saga, bounds, (world) => withoutIdleMessages(saga, world));
  if (worlds.length > MAX_LOCALS) throw new Error(`${worlds.length} worlds of one order: too many pairs`);
  return worlds.map((world, id) => ({
    ...summaryOf(saga, world),
    broken: brokenAlone(saga, world, bounds),
    moves: moves[id] ?? [],
  }));
}

function summaryOf(saga: Saga, world: World): Omit<Local, 'moves' | 'broken'> {
  const { books, rows, order } = world;
  const forward = new Set(saga.steps.filter(({ mayRefuse }) => mayRefuse).map(({ name }) => name));
  const locked = world.inFlight.filter(({ step }) => forward.has(step)).map(({ step }) => rowOf(saga, step));
  return {
    held: [books.stock / QUANTITY, books.coupon, Number(books.charged) / Number(TOTAL)],
    claims: SHARED.map((shared) => holdsSomething(rows[shared])),
    locks: SHARED.reduce((bits, shared, index) => (locked.includes(shared) ? bits | (1 << index) : bits), 0),
    isPaid: order.status === 'PAID',
    isAtRest: isAtRest(saga, world),
  };
}

function rowOf(saga: Saga, name: string): string {
  return saga.steps.find((step) => step.name === name)?.row ?? '';
}

/** The moves and the promises of pairs. */
function pairsOf(locals: readonly Local[], { scarce, paymentRefuses, onePaid, unlocked }: Sharing) {
  const size = locals.length;
  const local = (id: number) => locals[id] as Local;
  const pairOf = (a: number, b: number) => (a <= b ? a * size + b : b * size + a);
  const isScarce = SHARED.map((shared) => scarce.includes(shared));

  /** For each of `SHARED`: bit `index` when there is enough of it, bit `3 + index` when the other has it locked. */
  const situationOf = (mine: Local, other: Local): number => {
    let bits = 0;
    for (let index = 0; index < SHARED.length; index += 1) {
      const taken = (mine.held[index] as number) + (other.held[index] as number);
      if (taken < 1 || !isScarce[index]) bits |= 1 << index;
      if (other.locks & (1 << index) && SHARED[index] !== unlocked) bits |= 8 << index;
    }
    return bits;
  };

  const allows = (situation: number, needs: MoveAlone['needs']): boolean => {
    if (!needs) return true;
    const index = (SHARED as readonly string[]).indexOf(needs.row);
    if (index < 0) return needs.granted !== false || paymentRefuses;
    if (situation & (8 << index)) return false;
    return needs.granted === null || needs.granted === Boolean(situation & (1 << index));
  };

  const targets = locals.map((): (readonly number[] | undefined)[] => []);
  const targetsOf = (id: number, situation: number): readonly number[] => {
    const known = targets[id] as (readonly number[] | undefined)[];
    const { moves } = local(id);
    return (known[situation] ??= moves.filter(({ needs }) => allows(situation, needs)).map(({ to }) => to));
  };

  const forEachNext = (a: number, b: number, visit: (pair: number) => void): void => {
    for (const to of targetsOf(a, situationOf(local(a), local(b)))) visit(pairOf(to, b));
    for (const to of targetsOf(b, situationOf(local(b), local(a)))) visit(pairOf(a, to));
  };

  const brokenIn = (a: number, b: number): string | null => {
    const [one, other] = [local(a), local(b)];
    for (let index = 0; index < SHARED.length; index += 1) {
      if (!isScarce[index]) continue;
      const shared = SHARED[index] as Shared;
      const taken = (one.held[index] as number) + (other.held[index] as number);
      const claimed = Number(one.claims[index]) + Number(other.claims[index]);
      if (taken > 1 || claimed > 1) return `both orders hold the ${shared}`;
      if (taken < claimed) return `the ${shared} is free while an order holds it`;
    }
    if (one.isPaid && other.isPaid && scarce.length > 0) return 'both orders are PAID';
    if (onePaid && one.isAtRest && other.isAtRest && !one.isPaid && !other.isPaid) return 'nobody is PAID';
    return one.broken ?? other.broken;
  };

  /** One more move of this order that leads to the pair; how the other stands does not change. */
  const moveTo = (pair: number, mine: number, other: number) =>
    local(mine).moves.find(
      ({ to, needs }) => pairOf(to, other) === pair && allows(situationOf(local(mine), local(other)), needs),
    );

  /** A shortest way to a pair of the last level, found backwards: each level holds what is as many moves away. */
  const traceTo = (levels: readonly Uint32Array[], pair: number): string[] => {
    const path = [pair];
    for (const level of levels.slice(0, -1).reverse()) {
      const from = level.find((candidate) => {
        let leads = false;
        forEachNext(Math.floor(candidate / size), candidate % size, (next) => (leads ||= next === path[0]));
        return leads;
      });
      path.unshift(from as number);
    }
    const labels: string[] = [];
    let [first, second] = [0, 0];
    for (const next of path.slice(1)) {
      const move = moveTo(next, first, second);
      if (move) {
        labels.push(`order 1: ${move.label}`);
        first = move.to;
        continue;
      }
      const otherMove = moveTo(next, second, first);
      if (!otherMove) throw new Error('the way back was not a way');
      labels.push(`order 2: ${otherMove.label.replace(`/${ORDER}`, '/2')}`);
      second = otherMove.to;
    }
    return labels;
  };

  return { forEachNext, brokenIn, traceTo };
}
