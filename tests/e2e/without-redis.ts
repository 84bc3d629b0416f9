import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import { localToken } from '@orderflow/client/local-token';
import { waitUntil } from '@orderflow/testing/wait-until';
import { expectExactBooks } from './exactness.ts';
import { buy, newProduct, newUser, place } from './people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { outcomesOf, sendTraffic } from './traffic.ts';

const ORDERS = 200;
/** Redis is killed when so many orders are accepted, each time it is back from the kill before. */
const KILLS_AT = [20, 90, 160];
const STREAMS = 20;
const READERS = 4;
const READ_EVERY_MS = 20;

/** Reads at least so many pages: on a slow machine beyond the last order's end. */
const READS = 200;

/** Reads pages without a second try, as a browser does, until `isOver` and READS. Gives what was answered, counted. */
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
    return isOver() && turn > READS;
  };
  const reader = { what: 'the end of all orders', timeoutMs: 170_000, intervalMs: READ_EVERY_MS };
  await Promise.all(Array.from({ length: READERS }, () => waitUntil(read, reader)));
  return answers;
}

interface Streamed {
  readonly ids: readonly number[];
  readonly statuses: readonly string[];
}

/** One connection from the stream's begin to its end: no second try hides that it was cut. */
async function readStream(gateway: string, token: string, orderId: number): Promise<Streamed> {
  const response = await fetch(`${gateway}/v1/orders/${orderId}/stream`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  const text = await response.text();
  const fields = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}: ?(.*)$`, 'gm'))].map(([, value = '']) => value);
  return {
    ids: fields('id').map(Number),
    statuses: fields('data').map((data) => (JSON.parse(data) as Order).status),
  };
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
      const isOver = ({ status }: Order) => status === 'PAID' || status === 'CANCELLED';
      expect([...traffic.seen.values()].filter(isOver)).toHaveLength(ORDERS);
      expect(outcomesOf(traffic)).toEqual(traffic.expected);
      await expectExactBooks(stack());
    }, 180_000);
  });

  describe('Redis killed under open streams', () => {
    it('cuts none of them: each tells the order’s end, and no status twice', async () => {
      const { gateway, pids } = stack().current();
      const payment = pids['payment'] as number;
      const [product, user] = await Promise.all([newProduct(stack()), newUser(stack(), '1000.00')]);
      const token = await localToken(gateway, user.userId)();
      // Nothing is paid until the streams are open and Redis is gone.
      process.kill(payment, 'SIGSTOP');
      let killing: Promise<void>;
      let streams: Promise<Streamed>[];
      try {
        const orders = await Promise.all(Array.from({ length: STREAMS }, () => place(user, buy(product))));
        streams = orders.map(({ id }) => readStream(gateway, token, id));
        await waitUntil(
          async () => {
            const charged = await stack().sql(
              'order',
              `SELECT FROM orders WHERE user_id = $1 AND status = 'BALANCE_CHARGED'`,
              [user.userId],
            );
            return charged.length === STREAMS;
          },
          { what: 'every order charged', timeoutMs: 30_000 },
        );
        killing = stack().kill('redis');
      } finally {
        process.kill(payment, 'SIGCONT');
      }
      for (const { ids, statuses } of await Promise.all(streams)) {
        expect(statuses.at(-1)).toBe('PAID');
        expect(statuses).toContain('BALANCE_CHARGED');
        expect(new Set(statuses).size).toBe(statuses.length);
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
      }
      await killing;
      await expectExactBooks(stack());
    }, 120_000);
  });
}
