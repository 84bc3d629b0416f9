import { describe, expect, it } from '@jest/globals';
import { explore } from './explore.ts';
import { mutants } from './mutants.ts';
import { realSaga } from './saga.ts';
import type { Bounds } from './world.ts';

/** Written past jest, which would frame it: figures and traces are what this suite is run for. */
const say = (text: string) => process.stdout.write(`${text}\n`);

const WALKS: readonly (readonly [string, Bounds])[] = [
  [
    'cancel, refund and time-out at any moment, everything delivered again at any moment',
    { nudges: 0, parks: 0, interruptions: 'any', redeliveries: true },
  ],
  [
    'a nudge at any moment of a compensation',
    { nudges: 1, parks: 0, interruptions: 'at-rest', redeliveries: true },
  ],
  [
    'one message parked at one of its readers, cancel and time-out at any moment, then a nudge',
    { nudges: 1, parks: 1, interruptions: 'any', redeliveries: false },
  ],
];

describe('every schedule of one order ends PAID or CANCELLED, with all books exact', () => {
  it.each(WALKS)(
    '%s',
    (name, bounds) => {
      const { states, ms, violation } = explore(realSaga, bounds);
      say(`  ${states.toLocaleString('en')} states in ${(ms / 1000).toFixed(1)} s: ${name}`);
      expect(violation).toBeNull();
      expect(states).toBeGreaterThan(10_000);
    },
    300_000,
  );
});

describe('each rule is needed: without it some schedule breaks a promise', () => {
  it.each(mutants)(
    '$rule: $reading',
    ({ rule, reading, saga, bounds, breaks }) => {
      const { states, violation } = explore(saga, bounds);
      say(`\n  ${rule}: ${reading}: found in ${states.toLocaleString('en')} states\n${readable(violation)}`);
      expect(violation?.broken).toMatch(breaks);
    },
    120_000,
  );
});

function readable(violation: ReturnType<typeof explore>['violation']): string {
  if (!violation) return '    nothing broke';
  return [...violation.trace, `=> ${violation.broken}`].map((line) => `    ${line}`).join('\n');
}
