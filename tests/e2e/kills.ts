import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/local/demo/api';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import { expectExactBooks } from './exactness.ts';
import type { RunningStack } from './running-stack.ts';
import { sendTraffic } from './traffic.ts';

const ORDERS = 60;
/** The fault comes when so many are accepted: some of them over, some under way, some still to come. */
const FAULT_AT = 20;

/**
 * Places orders of every kind and lets `fault` happen in their midst. Each request is answered in the end, each order
 * is there once, and each is over.
 */
async function ordersThrough(stack: RunningStack, fault: () => Promise<void>): Promise<readonly Order[]> {
  const faults: Array<Promise<void>> = [];
  const { placed, seen } = await sendTraffic(stack, ORDERS, (count) => {
    if (count === FAULT_AT) faults.push(fault());
  });
  await Promise.all(faults);
  expect(new Set(placed.map(({ id }) => id)).size).toBe(ORDERS);
  const orders = placed.map(({ id }) => seen.get(id));
  expect(orders.filter((order) => order?.status !== 'PAID' && order?.status !== 'CANCELLED')).toEqual([]);
  // A request that was sent again because its answer got lost has made no second order.
  const userIds = [...new Set(placed.map(({ caller }) => caller.userId))];
  const [row] = await stack.sql<{ count: string }>(
    'order',
    'SELECT count(*) FROM orders WHERE user_id = ANY ($1::bigint[]) AND id >= $2',
    [userIds, Math.min(...placed.map(({ id }) => id))],
  );
  expect(Number(row?.count)).toBe(ORDERS);
  return orders.filter((order) => order !== undefined);
}

function paidShare(orders: readonly Order[]): number {
  return orders.filter(({ paidAt }) => paidAt !== null).length / orders.length;
}

/** Faults of processes in the midst of orders: all of them end, and the books are exact. */
export function describeKills(stack: () => RunningStack): void {
  describe('kill -9 under orders', () => {
    it.each(SERVICE_NAMES)(
      'of %s loses nothing',
      async (name) => {
        const orders = await ordersThrough(stack(), () => stack().kill(name));
        expect(paidShare(orders)).toBeGreaterThan(0.5);
        await expectExactBooks(stack());
      },
      120_000,
    );

    it.each(['kafka', 'postgres', 'redis'])(
      'of %s loses nothing',
      async (name) => {
        await ordersThrough(stack(), () => stack().kill(name));
        await expectExactBooks(stack());
      },
      180_000,
    );

    it('of the launcher loses nothing: orders under way end after the next start', async () => {
      const orders = await ordersThrough(stack(), async () => {
        await stack().killLauncher();
        await stack().start();
      });
      expect(orders).toHaveLength(ORDERS);
      await expectExactBooks(stack());
    }, 240_000);
  });
}
