import type { Order, OrderStatus } from '@orderflow/client/api-types';
import { show, tableLines, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

export interface ListOptions {
  readonly status?: OrderStatus | undefined;
  readonly user?: number | undefined;
  /** At most so many; all when null. */
  readonly limit: number | null;
}

const PAGE_MAX = 100;
const DEFAULT_USER = 1;

/** A user's orders, newest first. */
export async function listOrders(target: Target, options: ListOptions, screen: Screen): Promise<number> {
  const user = options.user ?? DEFAULT_USER;
  const most = options.limit ?? Infinity;
  const query = {
    limit: Math.min(most, PAGE_MAX),
    ...(options.status === undefined ? {} : { status: options.status }),
  };
  const orders: Order[] = [];
  for await (const order of target.client(user).listAll('/v1/orders', { params: { query } })) {
    orders.push(order);
    if (orders.length >= most) break;
  }
  if (target.local !== null && options.user === undefined)
    screen.note(`Orders of user ${user} (--user ID for another)`);
  show(screen, orders, () =>
    tableLines(
      ['order', 'status', 'reason', 'items', 'total', 'created'],
      orders.map((order) => [
        order.id,
        order.status,
        order.failureReason,
        order.items.length,
        order.totalAmount,
        order.createdAt,
      ]),
      'No orders. Place one: orderflow order place',
    ),
  );
  return 0;
}
