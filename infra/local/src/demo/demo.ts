import type { Order } from '@orderflow/client/api-types';
import { isFinal } from '@orderflow/client/order-watch';
import { reconcile } from '../reconcile/reconcile.ts';
import type { Stack } from '../stack-file.ts';
import { cancelOrder, draftOrders, followOrders, placeOrders, type PlacedOrder } from './orders.ts';
import { inParallel } from './parallel.ts';
import { planDemo, type DemoPlan } from './plan.ts';
import { startProgress } from './progress.ts';
import { openShop, type Shop } from './shop.ts';
import { isRight, nextLines, summaryLines, type DemoRun } from './summary.ts';

export interface DemoOptions {
  readonly stack: Stack;
  /** How many orders to place. */
  readonly orders: number;
}

export interface DemoResult {
  /** Every order is terminal, each outcome came as often as planned, and all invariants hold. */
  readonly ok: boolean;
}

const BOOKS_WAIT_MS = 60_000;

async function stockShop(stack: Stack, orders: number, plan: DemoPlan): Promise<Shop> {
  const progress = startProgress();
  progress.update('opening a shop');
  const shop = await openShop(stack, orders, plan);
  const users = shop.customers.length + shop.rich.length + 1;
  const coupons = `${shop.coupons.length} coupons for the first of ${shop.customers.length} customers`;
  progress.done(`Shop: ${users} users, ${shop.products.length + 2} products, ${coupons}`);
  return shop;
}

async function follow(orders: readonly PlacedOrder[], what: string): Promise<ReadonlyMap<number, Order>> {
  const progress = startProgress();
  const state = (over: number) => `${what}: ${over} of ${orders.length}`;
  const seen = await followOrders(orders, (over) => progress.update(state(over)));
  const over = [...seen.values()].filter(isFinal).length;
  progress.done(state(over));
  return seen;
}

async function place(shop: Shop, plan: DemoPlan, again: boolean): Promise<PlacedOrder[]> {
  const drafts = draftOrders(shop, plan).filter(({ scenario }) => (scenario === 'coupon-again') === again);
  const progress = startProgress();
  const placed = await placeOrders(drafts, (count) =>
    progress.update(`Orders placed: ${count} of ${drafts.length}`),
  );
  if (drafts.length > 0)
    progress.done(`Orders placed${again ? ' with a used coupon' : ''}: ${drafts.length}`);
  return placed;
}

/** Places all orders of the plan and follows each to its end. */
async function runOrders(shop: Shop, plan: DemoPlan): Promise<Omit<DemoRun, 'books' | 'expected'>> {
  const startedAt = performance.now();
  const first = await place(shop, plan, false);
  const afterFirst = await follow(first, 'Orders paid or refused');
  const toRefund = first.filter(({ scenario }) => scenario === 'refunded');
  await inParallel(toRefund.length, toRefund, cancelOrder);
  const second = await place(shop, plan, true);
  const late = [...toRefund, ...second];
  const afterAll =
    late.length > 0
      ? await follow(late, 'Refunds and orders with a used coupon over')
      : new Map<number, Order>();
  return {
    placed: first.length + second.length,
    orders: [...new Map([...afterFirst, ...afterAll]).values()],
    elapsedMs: performance.now() - startedAt,
  };
}

/**
 * Drives the public API alone: opens a shop, places orders that end in every way a client can cause, cancels some before
 * their payment and some after it, checks the books and prints what happened. Runs on any data.
 */
export async function runDemo({ stack, orders }: DemoOptions): Promise<DemoResult> {
  const plan = planDemo(orders, stack.settings);
  console.log('\nDemo');
  const shop = await stockShop(stack, orders, plan);
  const run = await runOrders(shop, plan);
  const books = await reconcile({ ...stack, waitMs: BOOKS_WAIT_MS });
  const whole: DemoRun = { ...run, expected: plan.expected, books };
  const example = run.orders.find(({ status }) => status === 'PAID');
  console.log([...summaryLines(whole), ...nextLines(stack.gateway, example)].join('\n'));
  return { ok: isRight(whole) };
}
