import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readBooks } from '@orderflow/chaos/history/books';
import { checkHistory, usersOf } from '@orderflow/chaos/history/check-history';
import { planFaults } from '@orderflow/chaos/plan';
import { happenedLine } from '@orderflow/chaos/report';
import { runChaos } from '@orderflow/chaos/run';
import { seeded } from '@orderflow/chaos/seeded';
import { readSettings } from '@orderflow/local/settings';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { lastLetters, lettersSince } from './dead-letters.ts';
import { expectExactBooks } from './exactness.ts';

const KILLS = 20;
const ORDERS = 2_000;
const PER_SECOND = 30;
/** Told in the title; `npm run test:chaos -- --seed …` with the same kinds makes the same kills. */
const seed = randomInt(10 ** 9);

/** Past jest, which would frame it. */
const say = (line: string) => process.stdout.write(`  ${line}\n`);

/** What `npm run test:chaos` does with every kind of fault, with kills alone. */
export function describeRandomKills(stack: () => RunningStack): void {
  describe(`${KILLS} random kill -9 under orders, cancels, top-ups and reads (seed ${seed})`, () => {
    it('lose no answered write, show nobody a balance that never was, and leave exact books', async () => {
      const before = await lastLetters(stack());
      const random = seeded(seed);
      const { happened, operations, placed } = await runChaos({
        chaos: { stack: stack(), settings: readSettings(stack().variables), ways: {}, volume: null },
        plan: planFaults(KILLS, random, ['kill', 'kill-backend', 'kill-redis']),
        orders: ORDERS,
        perSecond: PER_SECOND,
        limitMs: 300_000,
        random,
        report: say,
        onHappened: (fault, count) => say(happenedLine(fault, KILLS, count)),
      });
      expect(placed).toBeGreaterThanOrEqual(ORDERS);
      expect(happened).toHaveLength(KILLS);
      expect(
        happened.filter(({ failed, flowingAfterMs }) => failed !== null || flowingAfterMs === null),
      ).toEqual([]);
      await expectExactBooks(stack());
      expect(checkHistory(operations, await readBooks(stack(), usersOf(operations)))).toEqual([]);
      expect(await lettersSince(stack(), before)).toEqual([]);
    }, 480_000);
  });
}
