import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import type { Caller } from '@orderflow/local/demo/caller';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { waitUntil } from '@orderflow/testing/wait-until';
import { expectExactBooks } from './exactness.ts';
import { adminOf, buy, ending, newCoupon, newProduct, newUser, place, timeline } from './people.ts';

/** A fault of the coupon service's own: one coupon that its table refuses, whatever the step says. */
async function refuseCoupon(
  stack: RunningStack,
  couponId: number,
): Promise<{ mend: () => Promise<unknown> }> {
  await stack.sql(
    'coupon',
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
     CREATE TRIGGER planted BEFORE INSERT ON coupon_applications FOR EACH ROW
       WHEN (NEW.coupon_id = ${couponId}) EXECUTE FUNCTION refuse()`,
  );
  const statement = 'DROP TRIGGER IF EXISTS planted ON coupon_applications; DROP FUNCTION IF EXISTS refuse()';
  return { mend: () => stack.sql('coupon', statement) };
}

/** Every open dead letter that a fault of the coupon service left, as its operator sees it. */
async function openFaults(operator: Caller) {
  const query = { service: 'coupon', step: 'coupon.apply', reason: 'FAULT' } as const;
  return (await operator.get('/v1/ops/dead-letters', { params: { query } })).data;
}

function replay(operator: Caller) {
  const body = {
    service: 'coupon',
    filter: { step: 'coupon.apply', reason: 'FAULT' },
    reason: 'mended',
  } as const;
  return operator.post('/v1/ops/dead-letters/replay', { body });
}

interface Stuck {
  readonly operator: Caller;
  readonly user: Caller;
  readonly order: Order;
  readonly mend: () => Promise<unknown>;
  /** An order like it, of which the fault knows nothing. */
  readonly orderAnother: () => Promise<Order>;
}

/** Runs `work` while an order lies parked between its stock and its coupon. */
async function whileStuck(stack: RunningStack, work: (stuck: Stuck) => Promise<void>): Promise<void> {
  const operator = adminOf(stack);
  const user = await newUser(stack, '1000.00');
  const [product, coupon] = await Promise.all([newProduct(stack), newCoupon(stack, user)]);
  const { mend } = await refuseCoupon(stack, coupon.id);
  try {
    const order = await place(user, { ...buy(product), couponId: coupon.id });
    await waitUntil(async () => (await openFaults(operator)).length > 0, {
      what: 'the dead letter',
      timeoutMs: 20_000,
      intervalMs: 100,
    });
    expect(await openFaults(operator)).toEqual([
      expect.objectContaining({
        topic: 'stock-reserved',
        key: { encoding: 'utf8', text: String(order.id) },
        error: expect.stringContaining('planted'),
      }),
    ]);
    const orderAnother = async () => ending(user, await place(user, buy(product)));
    await work({ operator, user, order, mend, orderAnother });
    expect(await openFaults(operator)).toEqual([]);
    await expectExactBooks(stack);
  } finally {
    await mend();
  }
}

/** A message in the midst of a saga that a service cannot take in, from the fault to its end. */
export function describeReplays(stack: () => RunningStack): void {
  describe('an order whose message a service cannot take in', () => {
    it('is paid once its cause is gone and an operator replays what was parked', async () => {
      await whileStuck(stack(), async ({ operator, user, order, mend }) => {
        // In vain while the cause is there: the dead letter stays, and says so.
        expect(await replay(operator)).toMatchObject({
          matched: 1,
          replayed: 0,
          refused: [{ code: 'FAULT' }],
        });
        await mend();
        expect(await replay(operator)).toMatchObject({ matched: 1, replayed: 1, noEffect: 0, refused: [] });
        expect(await ending(user, order)).toMatchObject({ status: 'PAID', discountAmount: '3.00' });
      });
    }, 60_000);

    it('is timed out once it was overtaken; everybody gives back, and a late replay changes nothing', async () => {
      await whileStuck(stack(), async ({ operator, user, order, mend, orderAnother }) => {
        // Younger orders go on, and past half a deadline they are what overtakes it.
        await waitUntil(
          async () => {
            await orderAnother();
            return (await timeline(user, order)).includes('ORDER_CANCELLING');
          },
          { what: 'the time-out', timeoutMs: 60_000, intervalMs: 1000 },
        );
        const timedOut = { status: 'CANCELLED', failureReason: 'TIMED_OUT' };
        expect(await ending(user, order)).toMatchObject(timedOut);
        const told = ['ORDER_CREATED', 'STOCK_RESERVED', 'ORDER_CANCELLING', 'ORDER_CANCELLED'];
        expect(await timeline(user, order)).toEqual(told);
        await mend();
        expect(await replay(operator)).toMatchObject({ matched: 1, replayed: 0, noEffect: 1, refused: [] });
        expect(await timeline(user, order)).toEqual(told);
        expect(await user.getOrder(order.id)).toMatchObject(timedOut);
      });
    }, 120_000);
  });
}
