import { describe, expect, it } from '@jest/globals';
import { statusOf, withStep, type Decide } from './mutants.ts';
import { returningEffect } from './one-of-two.ts';
import { QUANTITY, realSaga, TOTAL, type Books, type Saga } from './saga.ts';
import { exploreTwo, type Shared, type Sharing } from './two-orders.ts';
import type { Bounds } from './world.ts';

/** Written past jest, which would frame it: figures and traces are what this suite is run for. */
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Either order is cancelled, refunded or timed out at any moment. Rule R1 is walked on one order: here a handler is one move. */
const INTERRUPTED: Bounds = {
  nudges: 0,
  parks: 0,
  interruptions: 'any',
  redeliveries: true,
  handlers: 'one-move',
};
/** Nobody interrupts; a handler loads and saves in two moves, and has what it works on locked between them. */
const LOCKED: Bounds = { nudges: 0, parks: 0, interruptions: 'never', redeliveries: true };

const ALL: readonly Shared[] = ['stock', 'coupon', 'balance'];
/** While the stock is for one, nobody else comes as far as the coupon: so the walks again with stock for both. */
const BEHIND_STOCK: readonly Shared[] = ['coupon', 'balance'];

/** Locks over two moves, and cancels and refunds. A time-out compensates as a cancel does, for another reason: it is left out. */
const LOCKED_AND_CANCELLED: Bounds = { ...LOCKED, interruptions: 'any' };
const neverLate: Saga = { ...realSaga, decideTimeOut: () => [] };

const WALKS: readonly (readonly [string, Saga, Sharing])[] = [
  [
    'one product, one coupon, one balance; cancels, refunds and time-outs of either at any moment',
    realSaga,
    { scarce: ALL, bounds: INTERRUPTED, paymentRefuses: true, onePaid: false },
  ],
  [
    'one coupon and one balance, stock for both; cancels, refunds and time-outs of either at any moment',
    realSaga,
    { scarce: BEHIND_STOCK, bounds: INTERRUPTED, paymentRefuses: true, onePaid: false },
  ],
  [
    'one product, one coupon, one balance; cancels and refunds while handlers hold their locks over two moves',
    neverLate,
    { scarce: ALL, bounds: LOCKED_AND_CANCELLED, paymentRefuses: false, onePaid: false },
  ],
  [
    'one coupon and one balance, stock for both; nobody interrupts, handlers hold their locks over two moves',
    realSaga,
    { scarce: BEHIND_STOCK, bounds: LOCKED, paymentRefuses: true, onePaid: false },
  ],
];

it('a message that tells its reader nothing never does so later: pairs of worlds may leave it out', () => {
  for (const bounds of [INTERRUPTED, LOCKED]) expect(returningEffect(realSaga, bounds)).toBeNull();
});

describe('two orders never hold the same stock, coupon or money, and each ends PAID or CANCELLED with exact books', () => {
  it.each(WALKS)(
    '%s',
    (name, saga, sharing) => {
      const { states, ms, violation } = exploreTwo(saga, sharing);
      say(`  ${states.toLocaleString('en')} pairs of states in ${(ms / 1000).toFixed(1)} s: ${name}`);
      expect(violation).toBeNull();
      expect(states).toBeGreaterThan(500);
    },
    120_000,
  );
});

describe('who gets through', () => {
  const contested: readonly { scarce: readonly Shared[] }[] = [
    { scarce: ALL },
    { scarce: BEHIND_STOCK },
    { scarce: ['coupon'] },
    { scarce: ['balance'] },
  ];
  it.each(contested)(
    'is one of two when nobody interrupts them and payment refuses neither: enough for one of $scarce',
    ({ scarce }) => {
      const sharing = { scarce, bounds: LOCKED, paymentRefuses: false, onePaid: true };
      expect(exploreTwo(realSaga, sharing).violation).toBeNull();
    },
    120_000,
  );

  it('may be nobody: who has the coupon is refused later, who came for it in between is refused the coupon', () => {
    const sharing = { scarce: ['coupon'] as const, bounds: LOCKED, paymentRefuses: true, onePaid: true };
    const { violation } = exploreTwo(realSaga, sharing);
    expect(violation?.broken).toBe('nobody is PAID');
    const trace = violation?.trace.join('\n');
    expect(trace).toMatch(/payment\.rejected/);
    expect(trace).toMatch(/coupon\.rejected/);
  });
});

interface SharingMutant {
  readonly reading: string;
  readonly saga: Saga;
  readonly sharing: Sharing;
  readonly breaks: string;
}

/** A step reads what it takes from without FOR NO KEY UPDATE. */
function unlocked(shared: Shared): SharingMutant {
  return {
    reading: `the ${shared} is read without a lock`,
    saga: realSaga,
    sharing: { scarce: [shared], bounds: LOCKED, paymentRefuses: false, onePaid: false, unlocked: shared },
    breaks: `both orders hold the ${shared}`,
  };
}

/** The undo of an order that was refused gives back what the order had asked for, and another one holds. */
function refusedGivesBack(shared: Shared, step: string, books: Partial<Books>): SharingMutant {
  const change =
    (decide: Decide): Decide =>
    (row, event, accepts) => {
      const decision = decide(row, event, accepts);
      if (statusOf(row) !== 'rejected') return decision;
      return { ...decision, facts: decision.facts.map((fact) => ({ ...fact, books })) };
    };
  return {
    reading: `an order that was refused the ${shared} gives it back all the same`,
    saga: withStep(step, change),
    sharing: { scarce: [shared], bounds: INTERRUPTED, paymentRefuses: false, onePaid: false },
    breaks: `the ${shared} is free while an order holds it`,
  };
}

const mutants: readonly SharingMutant[] = [
  unlocked('stock'),
  unlocked('coupon'),
  unlocked('balance'),
  refusedGivesBack('stock', 'product.release', { stock: -QUANTITY }),
  refusedGivesBack('coupon', 'coupon.restore', { coupon: -1 }),
  refusedGivesBack('balance', 'user-balance.refund', { charged: -TOTAL }),
];

describe('what keeps two orders apart is needed: without it some schedule breaks a promise', () => {
  it.each(mutants)(
    '$reading',
    ({ reading, saga, sharing, breaks }) => {
      const { states, violation } = exploreTwo(saga, sharing);
      const trace = [...(violation?.trace ?? []), `=> ${violation?.broken ?? 'nothing broke'}`];
      say(`\n  ${reading}: found in ${states.toLocaleString('en')} pairs`);
      say(trace.map((line) => `    ${line}`).join('\n'));
      expect(violation?.broken).toBe(breaks);
    },
    120_000,
  );
});
