import type { Order } from '@orderflow/local/demo/api';
import { draftOrders, followOrders, placeOrders, type PlacedOrder } from '@orderflow/local/demo/orders';
import { planDemo } from '@orderflow/local/demo/plan';
import { openShop } from '@orderflow/local/demo/shop';
import type { RunningStack } from './running-stack.ts';

export interface Traffic {
  readonly placed: readonly PlacedOrder[];
  /** The orders as they were seen last, by id. */
  readonly seen: ReadonlyMap<number, Order>;
}

/** Orders of every kind at once, in a shop of their own, each followed to its end. */
export async function sendTraffic(
  stack: RunningStack,
  orders: number,
  onPlaced: (count: number) => void = () => undefined,
): Promise<Traffic> {
  const plan = planDemo(orders, stack.current().settings);
  const shop = await openShop(stack.current(), orders, plan);
  const placed = await placeOrders(draftOrders(shop, plan), onPlaced);
  return { placed, seen: await followOrders(placed, () => undefined) };
}
