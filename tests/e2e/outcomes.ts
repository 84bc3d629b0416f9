import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Coupon, Order, OrderRequest, Product } from '@orderflow/client/api-types';
import { callerOf, type Caller } from '@orderflow/local/demo/caller';
import { expectExactBooks } from './exactness.ts';
import {
  adminOf,
  balanceOf,
  buy,
  cancel,
  couponStatus,
  ending,
  newCoupon,
  newProduct,
  newUser,
  paymentsOf,
  place,
  stockOf,
  timeline,
} from './people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

const UNKNOWN = Number.MAX_SAFE_INTEGER;
const UNTIL_STOCK = ['ORDER_CREATED', 'STOCK_RESERVED'];
const UNTIL_COUPON = [...UNTIL_STOCK, 'COUPON_APPLIED'];
const UNTIL_CHARGE = [...UNTIL_COUPON, 'BALANCE_CHARGED'];
const UNTIL_PAID = [...UNTIL_CHARGE, 'ORDER_PAID'];
const UNDONE = ['ORDER_CANCELLING', 'ORDER_CANCELLED'];

/** A user with 100.00, a product at 10.00 with ten pieces, and a coupon worth 3.00: untouched when an order is undone. */
interface World {
  readonly user: Caller;
  readonly product: Product;
  readonly coupon: Coupon;
}

async function newWorld(stack: RunningStack, amount = '100.00', price = '10.00'): Promise<World> {
  const user = await newUser(stack, amount);
  const [product, coupon] = await Promise.all([newProduct(stack, price, 10), newCoupon(stack, user)]);
  return { user, product, coupon };
}

interface Refusal {
  readonly reason: string;
  readonly timeline: readonly string[];
  /** Makes the world and says what to order in it. */
  readonly prepare: (stack: RunningStack) => Promise<World & { request: OrderRequest; caller?: Caller }>;
}

const withCoupon = ({ product, coupon }: World, quantity = 1): OrderRequest => ({
  ...buy(product, quantity),
  couponId: coupon.id,
});

const REFUSALS: readonly Refusal[] = [
  {
    reason: 'OUT_OF_STOCK',
    timeline: ['ORDER_CREATED', 'ORDER_CANCELLED'],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      return { ...world, request: withCoupon(world, 11) };
    },
  },
  {
    reason: 'PRODUCT_NOT_FOUND',
    timeline: ['ORDER_CREATED', 'ORDER_CANCELLED'],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      const items = [...buy(world.product).items, { productId: UNKNOWN, quantity: 1 }];
      return { ...world, request: { items, couponId: world.coupon.id } };
    },
  },
  {
    reason: 'PRODUCT_NOT_ON_SALE',
    timeline: ['ORDER_CREATED', 'ORDER_CANCELLED'],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      const body = { status: 'SUSPENDED' } as const;
      const params = { path: { id: world.product.id } };
      await adminOf(stack).patch('/v1/products/{id}', { params, body, resend: true });
      return { ...world, request: withCoupon(world) };
    },
  },
  {
    reason: 'PRICE_CHANGED',
    timeline: ['ORDER_CREATED', 'ORDER_CANCELLED'],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      const items = [{ productId: world.product.id, quantity: 1, unitPrice: '9.99' }];
      return { ...world, request: { items, couponId: world.coupon.id } };
    },
  },
  {
    reason: 'COUPON_NOT_FOUND',
    timeline: [...UNTIL_STOCK, ...UNDONE],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      // Somebody else's coupon is answered as if there were none.
      const foreign = await newCoupon(stack, await newUser(stack));
      return { ...world, request: { ...buy(world.product), couponId: foreign.id } };
    },
  },
  {
    reason: 'USER_NOT_FOUND',
    timeline: [...UNTIL_COUPON, ...UNDONE],
    prepare: async (stack) => {
      const world = await newWorld(stack);
      const caller = callerOf(stack.current().gateway, UNKNOWN);
      return { ...world, request: buy(world.product), caller };
    },
  },
  {
    reason: 'INSUFFICIENT_BALANCE',
    timeline: [...UNTIL_COUPON, ...UNDONE],
    prepare: async (stack) => {
      const world = await newWorld(stack, '6.99');
      return { ...world, request: withCoupon(world) };
    },
  },
  {
    reason: 'PAYMENT_LIMIT_EXCEEDED',
    timeline: [...UNTIL_CHARGE, ...UNDONE],
    prepare: async (stack) => {
      const world = await newWorld(stack, '999999.00', '500003.01');
      return { ...world, request: withCoupon(world) };
    },
  },
];

/** Each way an order can end for a reason of the business, and that the way back leaves nothing behind. */
export function describeOutcomes(stack: () => RunningStack): void {
  describe('an order is refused', () => {
    const ended = new Map<string, World & { order: Order; caller: Caller; balance: string }>();

    beforeAll(async () => {
      await Promise.all(
        REFUSALS.map(async ({ reason, prepare }) => {
          const { request, caller, ...world } = await prepare(stack());
          const orderer = caller ?? world.user;
          const balance = await balanceOf(world.user);
          const order = await ending(orderer, await place(orderer, request));
          ended.set(reason, { ...world, order, caller: orderer, balance });
        }),
      );
    }, 120_000);

    it.each(REFUSALS)('with $reason, and everything is as before', async (refusal) => {
      const { order, caller, user, product, coupon, balance } = ended.get(refusal.reason)!;
      expect(order).toMatchObject({
        status: 'CANCELLED',
        failureReason: refusal.reason,
        paidAt: null,
      });
      expect(await timeline(caller, order)).toEqual(refusal.timeline);
      expect(await stockOf(user, product)).toBe(10);
      expect(await balanceOf(user)).toBe(balance);
      expect(await couponStatus(user, coupon)).toBe('UNUSED');
      expect(await paymentsOf(caller, order)).toEqual([]);
    });
  });

  describe('an order is paid', () => {
    let world: World;
    let order: Order;

    beforeAll(async () => {
      world = await newWorld(stack());
      order = await ending(world.user, await place(world.user, withCoupon(world, 2)));
    }, 60_000);

    it('at original minus discount, step by step', async () => {
      expect(order).toMatchObject({
        status: 'PAID',
        originalAmount: '20.00',
        discountAmount: '3.00',
        totalAmount: '17.00',
        failureReason: null,
      });
      expect(await timeline(world.user, order)).toEqual(UNTIL_PAID);
      expect(await balanceOf(world.user)).toBe('83.00');
      expect(await stockOf(world.user, world.product)).toBe(8);
      expect(await couponStatus(world.user, world.coupon)).toBe('USED');
      expect(await paymentsOf(world.user, order)).toEqual(['17.00']);
    });

    it('and its coupon is refused for another one: COUPON_ALREADY_USED', async () => {
      const { user, product } = world;
      const again = await ending(user, await place(user, withCoupon(world)));
      expect(again).toMatchObject({ status: 'CANCELLED', failureReason: 'COUPON_ALREADY_USED' });
      expect(await timeline(user, again)).toEqual([...UNTIL_STOCK, ...UNDONE]);
      expect(await stockOf(user, product)).toBe(8);
    });

    it('with nothing to pay: a payment of 0.00 like any other', async () => {
      const { user, product } = await newWorld(stack());
      const coupon = await newCoupon(stack(), user, '25.00');
      const free = await ending(user, await place(user, { ...buy(product), couponId: coupon.id }));
      expect(free).toMatchObject({ status: 'PAID', discountAmount: '10.00', totalAmount: '0.00' });
      expect(await paymentsOf(user, free)).toEqual(['0.00']);
      expect(await balanceOf(user)).toBe('100.00');
    });
  });

  describe('a cancel', () => {
    it('after the payment gives all of it back, and asking again changes nothing', async () => {
      const world = await newWorld(stack());
      const { user, product, coupon } = world;
      const { id } = await ending(user, await place(user, withCoupon(world)));
      const first = await cancel(user, { id });
      expect([200, 202]).toContain(first.status);
      const refunded = await ending(user, { id });
      expect(refunded).toMatchObject({ status: 'CANCELLED', failureReason: 'CANCELLED_BY_USER' });
      expect(refunded.paidAt).not.toBeNull();
      const second = await cancel(user, { id });
      expect(second).toMatchObject({ status: 200, body: refunded });
      expect(await timeline(user, { id })).toEqual([...UNTIL_PAID, ...UNDONE]);
      expect(await balanceOf(user)).toBe('100.00');
      expect(await stockOf(user, product)).toBe(10);
      expect(await couponStatus(user, coupon)).toBe('UNUSED');
      expect(await paymentsOf(user, { id })).toEqual(['-7.00', '7.00']);
    });

    it('before the payment undoes whatever was done, and asking again changes nothing', async () => {
      const world = await newWorld(stack());
      const { user, product, coupon } = world;
      const { id } = await place(user, withCoupon(world));
      const answers = [await cancel(user, { id }), await cancel(user, { id })];
      for (const { status, body } of answers) {
        expect([200, 202]).toContain(status);
        expect(body.failureReason).toBe('CANCELLED_BY_USER');
      }
      expect(await ending(user, { id })).toMatchObject({ failureReason: 'CANCELLED_BY_USER' });
      expect((await timeline(user, { id })).slice(-2)).toEqual(UNDONE);
      expect(await balanceOf(user)).toBe('100.00');
      expect(await stockOf(user, product)).toBe(10);
      expect(await couponStatus(user, coupon)).toBe('UNUSED');
    });

    it('of a refused order answers with its own reason', async () => {
      const { user, order } = { user: await newUser(stack()), order: await newProduct(stack(), '10.00', 0) };
      const { id } = await ending(user, await place(user, buy(order)));
      const answer = await cancel(user, { id });
      expect(answer).toMatchObject({ status: 200, body: { failureReason: 'OUT_OF_STOCK' } });
    });

    it('of another user’s order finds nothing', async () => {
      const [owner, other] = await Promise.all([newUser(stack(), '100.00'), newUser(stack())]);
      const { id } = await place(owner, buy(await newProduct(stack())));
      const answer = await cancel(other, { id });
      expect(answer).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
      expect(await ending(owner, { id })).toMatchObject({ status: 'PAID' });
    });
  });

  it('all of them leave exact books', async () => {
    expect(await expectExactBooks(stack())).toBeGreaterThan(REFUSALS.length);
  });
}
