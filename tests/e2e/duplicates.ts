import { describe, expect, it } from '@jest/globals';
import { cancelOrder } from '@orderflow/local/demo/orders';
import { digestTables, expectExactBooks } from './exactness.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { countRecords, publishAll, readEverything } from './topics.ts';
import { sendTraffic } from './traffic.ts';

/** Idea 1 of the design: a fact happens once, however often its message comes. */
export function describeDuplicates(stack: () => RunningStack): void {
  describe('every message of every topic delivered a second time', () => {
    it('changes no row of any table and sends nothing', async () => {
      const { placed } = await sendTraffic(stack(), 40);
      await Promise.all(placed.filter(({ scenario }) => scenario === 'refunded').map(cancelOrder));
      await expectExactBooks(stack());
      const [tables, counts] = [await digestTables(stack()), await countRecords(stack())];
      const records = await readEverything(stack());
      expect(new Set(records.map(({ topic }) => topic)).size).toBe(Object.keys(counts).length);
      await publishAll(stack(), records);
      await expectExactBooks(stack());
      expect(await digestTables(stack())).toEqual(tables);
      const twice = Object.entries(counts).map(([topic, count]) => [topic, 2 * count]);
      expect(await countRecords(stack())).toEqual(Object.fromEntries(twice));
    }, 120_000);
  });
}
