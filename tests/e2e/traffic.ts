import type { Order } from '@orderflow/client/api-types';
import { draftOrders, followOrders, placeOrders, type PlacedOrder } from '@orderflow/local/demo/orders';
import { planDemo, type DemoPlan } from '@orderflow/local/demo/plan';
import { openShop } from '@orderflow/local/demo/shop';
import { countOutcomes } from '@orderflow/local/demo/summary';
import type { RunningStack } from '@orderflow/testing/running-stack';

export interface Traffic {
  readonly placed: readonly PlacedOrder[];
  /** The orders as they were seen last, by id. */
  readonly seen: ReadonlyMap<number, Order>;
  /** How many orders end how when no fault is in the way. */
  readonly expected: Readonly<Record<string, number>>;
}

/** As the demo's, but nobody asks for a refund. */
function expectedOutcomes({ counts, expected }: DemoPlan): Record<string, number> {
  const outcomes = Object.fromEntries(expected) as Record<string, number>;
  return {
    ...outcomes,
    PAID: (outcomes['PAID'] ?? 0) + counts.refunded,
    CANCELLED_BY_USER: (outcomes['CANCELLED_BY_USER'] ?? 0) - counts.refunded,
  };
}

/** How many of the orders ended how; open ones are in none. */
export function outcomesOf({ seen }: Traffic): Record<string, number> {
  return Object.fromEntries(countOutcomes([...seen.values()]));
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
  const seen = await followOrders(placed, () => undefined);
  return { placed, seen, expected: expectedOutcomes(plan) };
}
