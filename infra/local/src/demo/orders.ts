import { setTimeout as pause } from 'node:timers/promises';
import type { Order, OrderRequest, Product } from '@orderflow/client/api-types';
import { isFinal } from '@orderflow/client/order-watch';
import { formatAmount, parseAmount } from '@orderflow/shared-events/money';
import type { Caller } from './caller.ts';
import { inParallel } from './parallel.ts';
import { SCENARIOS, type DemoPlan, type Scenario } from './plan.ts';
import { MOST_OF_A_PRODUCT, UNKNOWN_ID, type Shop } from './shop.ts';

/** An order of the demo: who places it, and what happens to it besides. */
export interface Draft {
  readonly scenario: Scenario;
  readonly caller: Caller;
  readonly request: OrderRequest;
}

export interface PlacedOrder extends Draft {
  readonly id: number;
}

function nth<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('there is nothing to choose from');
  return item;
}

/** One or two lines of different products, one to three pieces each. */
function basket(products: readonly Product[], index: number): OrderRequest {
  const line = (product: Product, quantity: number) => ({ productId: product.id, quantity });
  const lines = [line(nth(products, index), (index % MOST_OF_A_PRODUCT) + 1)];
  if (index % 3 === 0) lines.push(line(nth(products, index + 1), 1));
  return { items: lines };
}

function draft(shop: Shop, scenario: Scenario, index: number): Draft {
  const { products, customers, coupons } = shop;
  const customer = nth(customers, index);
  const request = basket(products, index);
  const of = (caller: Caller, changed: OrderRequest): Draft => ({ scenario, caller, request: changed });
  const one = (product: Product): OrderRequest => ({ items: [{ productId: product.id, quantity: 1 }] });
  switch (scenario) {
    case 'paid':
    case 'cancelled-at-once':
    case 'refunded':
      return of(customer, request);
    case 'paid-with-coupon':
    case 'coupon-again': {
      const { owner, coupon } = nth(coupons, index);
      return of(owner, { ...request, couponId: coupon.id });
    }
    case 'last-items':
      return of(customer, one(shop.scarce));
    case 'unknown-product':
      return of(customer, { items: [...request.items, { productId: UNKNOWN_ID, quantity: 1 }] });
    case 'off-sale':
      return of(customer, one(shop.suspended));
    case 'old-price': {
      const product = nth(products, index);
      const unitPrice = formatAmount(parseAmount(product.price) - 1n);
      return of(customer, { items: [{ productId: product.id, quantity: 1, unitPrice }] });
    }
    case 'unknown-coupon':
      return of(customer, { ...request, couponId: UNKNOWN_ID });
    case 'unknown-user':
      return of(shop.stranger, request);
    case 'no-money':
      return of(shop.poor, one(nth(products, index)));
    case 'over-limit':
      return of(nth(shop.rich, index), one(shop.precious));
  }
}

/** All orders of the plan, its scenarios mixed evenly. */
export function draftOrders(shop: Shop, { counts }: DemoPlan): readonly Draft[] {
  const drafts = SCENARIOS.flatMap((scenario) =>
    Array.from({ length: counts[scenario] }, (_, index) => ({
      place: (index + 0.5) / counts[scenario],
      draft: draft(shop, scenario, index),
    })),
  );
  return drafts.sort((a, b) => a.place - b.place).map(({ draft }) => draft);
}

/** Requests at once: enough that the intake joins them into shared commits. */
const AT_ONCE = 24;
const POLL_MS = 100;
/** An order that is late is timed out after one minute: nothing at all for longer than that is a standstill. */
const STANDSTILL_MS = 90_000;

export async function placeOrders(
  drafts: readonly Draft[],
  onPlaced: (count: number) => void,
): Promise<PlacedOrder[]> {
  let placed = 0;
  return inParallel(AT_ONCE, drafts, async (draft) => {
    const { id } = await draft.caller.placeOrder(draft.request);
    if (draft.scenario === 'cancelled-at-once') await cancelOrder({ ...draft, id });
    placed += 1;
    onPlaced(placed);
    return { ...draft, id };
  });
}

export async function cancelOrder({ caller, id }: Pick<PlacedOrder, 'caller' | 'id'>): Promise<void> {
  await caller.cancelOrder(id);
}

/** A user's orders from the newest back to `oldest`. */
async function listBack(caller: Caller, oldest: number): Promise<Order[]> {
  const orders: Order[] = [];
  for await (const order of caller.listAll('/v1/orders', { params: { query: { limit: 100 } } })) {
    orders.push(order);
    if (order.id <= oldest) break;
  }
  return orders;
}

const NOT_SEEN = { status: 'CREATED' } as const;

function byCaller(orders: readonly PlacedOrder[]): ReadonlyMap<Caller, number[]> {
  const ids = new Map<Caller, number[]>();
  for (const { caller, id } of orders) ids.set(caller, [...(ids.get(caller) ?? []), id]);
  return ids;
}

/**
 * Watches orders until each is PAID or CANCELLED, or nothing has moved for a minute and a half.
 *
 * @returns the orders as they were seen last, by id.
 */
export async function followOrders(
  orders: readonly PlacedOrder[],
  onProgress: (over: number) => void,
): Promise<ReadonlyMap<number, Order>> {
  const seen = new Map<number, Order>();
  const overCount = () => [...seen.values()].filter(isFinal).length;
  let over = 0;
  let lastMove = performance.now();
  for (;;) {
    const open = orders.filter(({ id }) => !isFinal(seen.get(id) ?? NOT_SEEN));
    const wanted = new Set(orders.map(({ id }) => id));
    await inParallel(AT_ONCE, [...byCaller(open)], async ([caller, ids]) => {
      for (const order of await listBack(caller, Math.min(...ids))) {
        if (wanted.has(order.id)) seen.set(order.id, order);
      }
    });
    const now = overCount();
    if (now > over) lastMove = performance.now();
    over = now;
    onProgress(over);
    if (over === orders.length || performance.now() - lastMove > STANDSTILL_MS) return seen;
    await pause(POLL_MS);
  }
}
