import type pg from 'pg';
import type { Outcome, ShopSize } from '../arm.ts';
import { START_BALANCE } from './baseline-databases.ts';

/** Who keeps which tables: five databases of the naive services, or five times the one of a monolith. */
export interface Books {
  readonly order: pg.Pool;
  readonly product: pg.Pool;
  readonly coupon: pg.Pool;
  readonly balance: pg.Pool;
  readonly payment: pg.Pool;
}

/** A list of `key` and `value`, each key once. */
interface Account {
  readonly of: keyof Books;
  readonly sql: string;
}

/** Two accounts that must agree entry by entry; without `and`, the first must be empty. */
interface Check {
  readonly promise: string;
  readonly account: Account;
  readonly and?: Account;
}

const SOLD: Account = {
  of: 'order',
  sql: `SELECT p.product_id AS key, sum(p.quantity) AS value
        FROM orders o JOIN order_products p ON p.order_id = o.id WHERE o.status = 'PAID' GROUP BY 1`,
};

const TOTALS: Account = {
  of: 'order',
  sql: `SELECT id AS key, user_id || ' ' || total_amount AS value FROM orders WHERE status = 'PAID'`,
};

const CHECKS: readonly Check[] = [
  {
    promise: 'every order is paid or cancelled',
    account: {
      of: 'order',
      sql: `SELECT id AS key, status AS value FROM orders WHERE status NOT IN ('PAID', 'CANCELLED')`,
    },
  },
  {
    promise: 'amounts of a paid order: lines, 1.00 off with a coupon, total',
    account: {
      of: 'order',
      sql: `SELECT o.id AS key, o.original_amount || ' − ' || o.discount_amount AS value
              FROM orders o JOIN order_products p ON p.order_id = o.id WHERE o.status = 'PAID' GROUP BY o.id
              HAVING o.original_amount IS DISTINCT FROM sum(p.quantity * p.unit_price)
                  OR o.original_amount IS DISTINCT FROM sum(p.total_price)
                  OR o.discount_amount IS DISTINCT FROM CASE WHEN o.coupon_id IS NULL THEN 0 ELSE 1 END
                  OR o.total_amount IS DISTINCT FROM o.original_amount - o.discount_amount`,
    },
  },
  {
    promise: 'daily sales = pieces of paid orders',
    account: {
      of: 'product',
      sql: 'SELECT product_id AS key, sum(quantity) AS value FROM product_daily_sales GROUP BY 1',
    },
    and: SOLD,
  },
  {
    promise: 'no stock below zero',
    account: {
      of: 'product',
      sql: 'SELECT product_id AS key, quantity AS value FROM product_stocks WHERE quantity < 0',
    },
  },
  {
    promise: 'used coupons = coupons of paid orders, one order each',
    account: {
      of: 'coupon',
      sql: 'SELECT id AS key, user_id::text AS value FROM coupons WHERE used_at IS NOT NULL',
    },
    and: {
      of: 'order',
      sql: `SELECT coupon_id AS key, string_agg(user_id::text, ' and ') AS value
              FROM orders WHERE status = 'PAID' AND coupon_id IS NOT NULL GROUP BY 1`,
    },
  },
  {
    promise: 'money gone from balances = payments',
    account: {
      of: 'balance',
      sql: `SELECT user_id AS key, ${START_BALANCE} - amount AS value FROM balances WHERE amount <> ${START_BALANCE}`,
    },
    and: {
      of: 'payment',
      sql: 'SELECT user_id AS key, sum(amount) AS value FROM payments GROUP BY 1 HAVING sum(amount) <> 0',
    },
  },
  {
    promise: 'each balance is the sum of its records and not negative',
    account: {
      of: 'balance',
      sql: `SELECT b.user_id AS key, b.amount AS value
              FROM balances b LEFT JOIN balance_records r ON r.balance_id = b.id GROUP BY b.id
              HAVING b.amount < 0
                  OR b.amount <> coalesce(sum(CASE r.type WHEN 'CHARGE' THEN -r.amount ELSE r.amount END), 0)`,
    },
  },
  {
    promise: 'one charge a paid order, of its total',
    account: {
      of: 'balance',
      sql: `SELECT r.order_id AS key, string_agg(b.user_id || ' ' || r.amount, ' and ') AS value
              FROM balance_records r JOIN balances b ON b.id = r.balance_id WHERE r.type = 'CHARGE' GROUP BY 1`,
    },
    and: TOTALS,
  },
  {
    promise: 'one payment a paid order, of its total',
    account: {
      of: 'payment',
      sql: `SELECT order_id AS key, string_agg(user_id || ' ' || amount, ' and ') AS value FROM payments GROUP BY 1`,
    },
    and: TOTALS,
  },
  {
    promise: 'one event that says how an order ended',
    account: {
      of: 'order',
      sql: `SELECT order_id AS key, string_agg(type, ' and ') AS value
              FROM order_events WHERE type IN ('ORDER_PAID', 'ORDER_CANCELLED') GROUP BY 1`,
    },
    and: { of: 'order', sql: `SELECT id AS key, 'ORDER_' || status AS value FROM orders` },
  },
  {
    promise: 'one idempotency key an order',
    account: { of: 'order', sql: `SELECT 'keys' AS key, count(*) AS value FROM idempotency_keys` },
    and: { of: 'order', sql: `SELECT 'keys' AS key, count(*) AS value FROM orders` },
  },
  ...(['order', 'product', 'coupon', 'balance', 'payment'] as const).map((of) => ({
    promise: `the outbox of ${of} is empty`,
    account: { of, sql: 'SELECT id AS key, topic AS value FROM outbox WHERE published_at IS NULL' },
  })),
];

function stockCheck({ stock }: ShopSize): Check {
  const sql = `SELECT product_id AS key, ${stock} - quantity AS value FROM product_stocks WHERE quantity <> ${stock}`;
  return { promise: 'stock gone = pieces of paid orders', account: { of: 'product', sql }, and: SOLD };
}

/** Reads one account after the other, so nothing may be under way. @returns one line for each broken promise */
export async function verifyBooks(books: Books, shop: ShopSize): Promise<string[]> {
  const violations: string[] = [];
  for (const { promise, account, and } of [stockCheck(shop), ...CHECKS]) {
    const left = await entriesOf(books, account);
    const right = and ? await entriesOf(books, and) : new Map<string, string>();
    const keys = [...new Set([...left.keys(), ...right.keys()])].filter(
      (key) => left.get(key) !== right.get(key),
    );
    if (keys.length === 0) continue;
    const shown = keys
      .slice(0, 3)
      .map((key) => `${key}: ${left.get(key) ?? 'none'}${and ? ` against ${right.get(key) ?? 'none'}` : ''}`);
    violations.push(`not true: ${promise} (${keys.length} differ, as ${shown.join('; ')})`);
  }
  return violations;
}

async function entriesOf(books: Books, { of, sql }: Account): Promise<Map<string, string>> {
  const { rows } = await books[of].query<{ key: string; value: string }>(
    `SELECT key::text, value::text FROM (${sql}) AS account`,
  );
  return new Map(rows.map(({ key, value }) => [key, value]));
}

export async function lastOrderId({ order }: Books): Promise<number> {
  const { rows } = await order.query<{ id: string | null }>('SELECT max(id) AS id FROM orders');
  return Number(rows[0]?.id ?? 0);
}

/** Needs `track_commit_timestamp`: the last writer of a paid order's row is the transaction that paid it. */
export async function outcomeOf({ order }: Books, afterId: number): Promise<Outcome> {
  const { rows } = await order.query<Outcome>(
    `SELECT count(*) FILTER (WHERE status = 'PAID')::int AS paid,
            count(*) FILTER (WHERE status = 'CANCELLED')::int AS cancelled,
            coalesce(1000 * extract(epoch FROM
              max(pg_xact_commit_timestamp(xmin)) FILTER (WHERE status = 'PAID') - min(created_at)), 0)::float8
              AS "spanMs"
     FROM orders WHERE id > $1`,
    [afterId],
  );
  return (rows as [Outcome])[0];
}

export async function paidAtOf({ order }: Books, afterId: number): Promise<Map<number, number>> {
  const { rows } = await order.query<{ id: string; at: number }>(
    `SELECT id, (1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin)))::float8 AS at
     FROM orders WHERE id > $1 AND status = 'PAID'`,
    [afterId],
  );
  return new Map(rows.map(({ id, at }) => [Number(id), at]));
}
