import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import { waitUntil } from '@orderflow/testing/wait-until';
import { expectExactBooks } from './exactness.ts';
import { newProduct } from './people.ts';
import type { RunningStack } from './running-stack.ts';
import { outcomesOf, sendTraffic } from './traffic.ts';

const ORDERS = 200;
/** Redis is killed when so many orders are accepted, each time it is back from the kill before. */
const KILLS_AT = [20, 90, 160];
const READERS = 4;
const READ_EVERY_MS = 20;

/** Reads pages without a second try, as a browser does, until `isOver`. Gives what was answered, counted. */
async function readPages(urls: readonly string[], isOver: () => boolean): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  let turn = 0;
  const read = async () => {
    const url = urls[(turn += 1) % urls.length] as string;
    const status = await fetch(url).then(
      async (response) => (await response.arrayBuffer(), String(response.status)),
      (error: unknown) => `${new URL(url).pathname} failed: ${String(error)}`,
    );
    answers[status] = (answers[status] ?? 0) + 1;
    return isOver();
  };
  const reader = { what: 'the end of all orders', timeoutMs: 170_000, intervalMs: READ_EVERY_MS };
  await Promise.all(Array.from({ length: READERS }, () => waitUntil(read, reader)));
  return answers;
}

/** Redis helps and is never needed. */
export function describeWithoutRedis(stack: () => RunningStack): void {
  describe('Redis killed under 200 orders and readers of product pages', () => {
    it('is noticed by neither', async () => {
      const { gateway } = stack().current();
      const product = await newProduct(stack());
      let isDone = false;
      const reading = readPages(
        [`${gateway}/v1/products?limit=20`, `${gateway}/v1/products/${product.id}`],
        () => isDone,
      );
      let killing = Promise.resolve();
      const traffic = await sendTraffic(stack(), ORDERS, (count) => {
        if (KILLS_AT.includes(count)) killing = killing.then(() => stack().kill('redis'));
      });
      await killing;
      isDone = true;
      const answers = await reading;
      expect(Object.keys(answers)).toEqual(['200']);
      expect(answers['200']).toBeGreaterThan(ORDERS);
      const isOver = ({ status }: Order) => status === 'PAID' || status === 'CANCELLED';
      expect([...traffic.seen.values()].filter(isOver)).toHaveLength(ORDERS);
      expect(outcomesOf(traffic)).toEqual(traffic.expected);
      await expectExactBooks(stack());
    }, 180_000);
  });
}
