import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import { expectExactBooks } from './exactness.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { outcomesOf, sendTraffic, type Traffic } from './traffic.ts';

const ORDERS = 60;
/** The fault comes when so many are accepted: some of them over, some under way, some still to come. */
const FAULT_AT = 20;

/**
 * Places orders of every kind and lets `fault` happen in their midst. Each request is answered in the end, each order
 * is there once, each is over, and the books are exact.
 */
async function trafficThrough(stack: RunningStack, fault: () => Promise<void>): Promise<Traffic> {
  const faults: Array<Promise<void>> = [];
  const traffic = await sendTraffic(stack, ORDERS, (count) => {
    if (count === FAULT_AT) faults.push(fault());
  });
  await Promise.all(faults);
  const { placed, seen } = traffic;
  expect(new Set(placed.map(({ id }) => id)).size).toBe(ORDERS);
  const isOver = (order?: Order) => order?.status === 'PAID' || order?.status === 'CANCELLED';
  expect(placed.map(({ id }) => seen.get(id)).filter((order) => !isOver(order))).toEqual([]);
  // A request that was sent again because its answer got lost has made no second order.
  const userIds = [...new Set(placed.map(({ caller }) => caller.userId))];
  const [row] = await stack.sql<{ count: string }>(
    'order',
    'SELECT count(*) FROM orders WHERE user_id = ANY ($1::bigint[]) AND id >= $2',
    [userIds, Math.min(...placed.map(({ id }) => id))],
  );
  expect(Number(row?.count)).toBe(ORDERS);
  await expectExactBooks(stack);
  return traffic;
}

/** Faults of processes in the midst of orders. */
export function describeKills(stack: () => RunningStack): void {
  describe('kill -9 under orders', () => {
    // Over well before the deadline: a message that got lost would show as a time-out.
    it.each([...SERVICE_NAMES, 'redis'])(
      'of %s loses nothing, and no order notices',
      async (name) => {
        const traffic = await trafficThrough(stack(), () => stack().kill(name));
        expect(outcomesOf(traffic)).toEqual(traffic.expected);
      },
      120_000,
    );

    // These may take longer than the deadline: a time-out is right, anything else is as without the fault.
    it.each(['kafka', 'postgres'])(
      'of %s loses nothing',
      async (name) => {
        const traffic = await trafficThrough(stack(), () => stack().kill(name));
        const outcomes = Object.keys({ ...outcomesOf(traffic), TIMED_OUT: 0 }).sort();
        expect(outcomes).toEqual(Object.keys({ ...traffic.expected, TIMED_OUT: 0 }).sort());
      },
      180_000,
    );

    it('of everything at once loses nothing: each process waits for what it needs, whatever comes back first', async () => {
      await trafficThrough(stack(), () => stack().killAll());
    }, 180_000);

    it('of the launcher loses nothing: orders under way end after the next start', async () => {
      await trafficThrough(stack(), async () => {
        await stack().killLauncher();
        await stack().start();
      });
    }, 240_000);
  });
}
