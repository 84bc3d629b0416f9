import { parseAmount } from '@orderflow/shared-events/money';
import type { RunningStack } from '@orderflow/testing/running-stack';
import type { OrderedItem } from './history.ts';

/** What a user's balance went through: rows of balance_records, oldest first. */
export interface LedgerRow {
  readonly id: number;
  readonly type: 'TOP_UP' | 'CHARGE' | 'REFUND';
  readonly amount: bigint;
  readonly orderId: number | null;
}

export interface BookedOrder {
  readonly id: number;
  readonly userId: number;
  readonly status: string;
  readonly couponId: number | null;
  readonly items: readonly OrderedItem[];
}

export interface BookedCoupon {
  readonly id: number;
  readonly userId: number;
  readonly sourceId: number;
}

/** What the databases hold at rest of the users of a history. */
export interface Books {
  readonly ledgers: ReadonlyMap<number, readonly LedgerRow[]>;
  readonly orders: readonly BookedOrder[];
  readonly coupons: readonly BookedCoupon[];
}

/** Reads the books of some users, straight from the tables. */
export async function readBooks(stack: RunningStack, userIds: readonly number[]): Promise<Books> {
  const users = [userIds];
  const records = await stack.sql<{
    user: number;
    id: number;
    type: LedgerRow['type'];
    amount: string;
    order: number | null;
  }>(
    'user-balance',
    `SELECT b.user_id::float8 AS "user", r.id::float8 AS id, r.type, r.amount::text AS amount, r.order_id::float8 AS "order"
       FROM balance_records r JOIN balances b ON b.id = r.balance_id
      WHERE b.user_id = ANY ($1::bigint[]) ORDER BY r.id`,
    users,
  );
  const orders = await stack.sql<BookedOrder>(
    'order',
    `SELECT o.id::float8 AS id, o.user_id::float8 AS "userId", o.status, o.coupon_id::float8 AS "couponId",
            (SELECT json_agg(json_build_object('productId', p.product_id, 'quantity', p.quantity) ORDER BY p.product_id)
               FROM order_products p WHERE p.order_id = o.id) AS items
       FROM orders o WHERE o.user_id = ANY ($1::bigint[]) ORDER BY o.id`,
    users,
  );
  const coupons = await stack.sql<BookedCoupon>(
    'coupon',
    `SELECT id::float8 AS id, user_id::float8 AS "userId", coupon_source_id::float8 AS "sourceId"
       FROM coupons WHERE user_id = ANY ($1::bigint[])`,
    users,
  );
  const ledgers = new Map<number, LedgerRow[]>();
  for (const { user, id, type, amount, order } of records) {
    const rows = ledgers.get(user) ?? [];
    rows.push({ id, type, amount: parseAmount(amount), orderId: order });
    ledgers.set(user, rows);
  }
  return { ledgers, orders, coupons };
}
