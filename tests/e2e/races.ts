import { describe, expect, it } from '@jest/globals';
import { callerOf, type Caller } from '@orderflow/local/demo/caller';
import { inParallel } from '@orderflow/local/demo/parallel';
import { waitUntil } from '@orderflow/testing/wait-until';
import { expectExactBooks } from './exactness.ts';
import { buy, newProduct, stockOf } from './people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

const BUYERS = 1_000;
const STOCK = 50;
/** Requests at once. */
const AT_ONCE = 64;
/** Admins who share the work: one user may send 600 requests a minute. */
const ADMINS = 4;

interface Ending {
  readonly status: string;
  readonly reason: string | null;
  readonly orders: number;
  readonly buyers: number;
}

/** Users with 100.00 each. */
function newBuyers(gateway: string, count: number): Promise<Caller[]> {
  const admins = Array.from({ length: ADMINS }, (_, place) => callerOf(gateway, 1 + place, ['admin']));
  return inParallel(AT_ONCE, [...Array(count).keys()], async (place) => {
    const admin = admins[place % ADMINS] as Caller;
    const { id } = await admin.post('/v1/users', { body: { name: 'Buyer' }, resend: true });
    const buyer = callerOf(gateway, id);
    await buyer.topUp('100.00');
    return buyer;
  });
}

/** How the orders of a product stand. */
function endingsOf(stack: RunningStack, productId: number): Promise<Ending[]> {
  return stack.sql<Ending>(
    'order',
    `SELECT o.status, o.failure_reason AS reason, count(*)::int AS orders,
            count(DISTINCT o.user_id)::int AS buyers
       FROM orders o JOIN order_products p ON p.order_id = o.id
      WHERE p.product_id = $1 GROUP BY 1, 2 ORDER BY 3`,
    [productId],
  );
}

/** Many who want the same at once. */
export function describeRaces(stack: () => RunningStack): void {
  describe('a race of 1,000 buyers for one product', () => {
    it('with a stock of 50 has exactly 50 paid orders, and 950 refused: OUT_OF_STOCK', async () => {
      const product = await newProduct(stack(), '10.00', STOCK);
      const buyers = await newBuyers(stack().current().gateway, BUYERS);
      await inParallel(AT_ONCE, buyers, (buyer) => buyer.placeOrder(buy(product)));
      const endings = await waitUntil(
        async () => {
          const seen = await endingsOf(stack(), product.id);
          return seen.every(({ status }) => status === 'PAID' || status === 'CANCELLED') && seen;
        },
        { what: 'the end of every order', timeoutMs: 60_000, intervalMs: 250 },
      );
      expect(endings).toEqual([
        { status: 'PAID', reason: null, orders: STOCK, buyers: STOCK },
        { status: 'CANCELLED', reason: 'OUT_OF_STOCK', orders: BUYERS - STOCK, buyers: BUYERS - STOCK },
      ]);
      expect(await stockOf(buyers[0] as Caller, product)).toBe(0);
      await expectExactBooks(stack());
    }, 180_000);
  });
}
