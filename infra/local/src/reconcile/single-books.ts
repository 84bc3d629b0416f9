import type { ServiceName } from '../ports.ts';
import type { Books } from './books.ts';
import type { Findings } from './invariants.ts';
import { runCheck, type SingleBookCheck } from './single-book-check.ts';
import { STORED_ANSWER_CHECKS } from './stored-answers.ts';

const BALANCES: SingleBookCheck = {
  invariant: 'I1',
  database: 'user-balance',
  unit: 'balances',
  checked: 'SELECT count(*) AS count FROM balances',
  subject: 'user',
  problem: 'the balance is not what its records say',
  violations: `
    SELECT b.user_id AS "user", b.amount::text AS balance, coalesce(l.amount, 0)::numeric(20, 2)::text AS records
      FROM balances b
      LEFT JOIN (SELECT balance_id, sum(CASE type WHEN 'CHARGE' THEN -amount ELSE amount END) AS amount
                   FROM balance_records GROUP BY balance_id) l ON l.balance_id = b.id
     WHERE b.amount <> coalesce(l.amount, 0) OR b.amount < 0
     ORDER BY b.user_id`,
};

const STOCKS: SingleBookCheck = {
  invariant: 'I2',
  database: 'product',
  unit: 'products',
  checked: 'SELECT count(*) AS count FROM products',
  subject: 'product',
  problem: 'the stock is not what was loaded and adjusted minus what is held',
  violations: `
    WITH loaded AS (
      SELECT product_id, sum(delta)::bigint AS quantity FROM stock_adjustments GROUP BY product_id
    ), held AS (
      SELECT (item ->> 'productId')::bigint AS product_id, sum((item ->> 'quantity')::bigint)::bigint AS quantity
        FROM stock_reservations, jsonb_array_elements(items) AS item
       WHERE status = 'done' GROUP BY 1
    )
    SELECT product_id AS product, s.quantity AS stock, coalesce(l.quantity, 0) AS loaded,
           coalesce(h.quantity, 0) AS held
      FROM (SELECT id AS product_id FROM products) p
      FULL JOIN product_stocks s USING (product_id)
      FULL JOIN loaded l USING (product_id)
      FULL JOIN held h USING (product_id)
     WHERE s.quantity IS DISTINCT FROM coalesce(l.quantity, 0) - coalesce(h.quantity, 0) OR s.quantity < 0
     ORDER BY product_id`,
};

const COUPON_SOURCES: SingleBookCheck = {
  invariant: 'I3',
  database: 'coupon',
  unit: 'coupon sources',
  checked: 'SELECT count(*) AS count FROM coupon_sources',
  subject: 'coupon source',
  problem: 'coupons left plus issued is not the initial number',
  violations: `
    SELECT s.id AS "coupon source", s.quantity AS "left", coalesce(c.issued, 0) AS issued,
           s.initial_quantity AS initial
      FROM coupon_sources s
      LEFT JOIN (SELECT coupon_source_id, count(*) AS issued FROM coupons GROUP BY 1) c
        ON c.coupon_source_id = s.id
     WHERE s.quantity + coalesce(c.issued, 0) <> s.initial_quantity OR s.quantity < 0
     ORDER BY s.id`,
};

const ISSUED_ONCE: SingleBookCheck = {
  invariant: 'I3',
  database: 'coupon',
  unit: 'coupon sources',
  checked: 'SELECT 0 AS count',
  subject: 'user',
  problem: 'a user has several coupons of one source',
  violations: `
    SELECT user_id AS "user", coupon_source_id AS "coupon source", array_agg(id ORDER BY id) AS coupons
      FROM coupons GROUP BY user_id, coupon_source_id HAVING count(*) > 1
     ORDER BY user_id`,
};

const COUPON_USE: SingleBookCheck = {
  invariant: 'I3',
  database: 'coupon',
  unit: 'coupon sources',
  checked: 'SELECT 0 AS count',
  subject: 'coupon',
  problem: 'a coupon is used exactly when one live order holds it',
  violations: `
    WITH live AS (
      SELECT coupon_id, array_agg(order_id ORDER BY order_id) AS orders
        FROM coupon_applications WHERE status = 'done' AND coupon_id IS NOT NULL GROUP BY coupon_id
    )
    SELECT coalesce(c.id, live.coupon_id) AS coupon, c.used_at AS "usedAt", coalesce(live.orders, '{}') AS orders
      FROM coupons c FULL JOIN live ON live.coupon_id = c.id
     WHERE (c.used_at IS NOT NULL) <> (live.coupon_id IS NOT NULL) OR cardinality(live.orders) > 1
     ORDER BY 1`,
};

const DAILY_SALES: SingleBookCheck = {
  invariant: 'I10',
  database: 'product',
  unit: 'products and days',
  checked: 'SELECT count(*) AS count FROM product_daily_sales',
  subject: 'product',
  problem: 'the sales of a day are not what its counted orders say',
  violations: `
    WITH counted AS (
      SELECT (item ->> 'productId')::bigint AS product_id, day AS date,
             sum((item ->> 'quantity')::bigint)::bigint AS quantity
        FROM sales_orders, jsonb_array_elements(items) AS item
       WHERE state = 'COUNTED' GROUP BY 1, 2
    )
    SELECT product_id AS product, date, coalesce(s.quantity, 0) AS sold, coalesce(c.quantity, 0) AS counted
      FROM product_daily_sales s FULL JOIN counted c USING (product_id, date)
     WHERE coalesce(s.quantity, 0) <> coalesce(c.quantity, 0)
     ORDER BY product_id, date`,
};

const CHECKS = [
  BALANCES,
  STOCKS,
  COUPON_SOURCES,
  ISSUED_ONCE,
  COUPON_USE,
  DAILY_SALES,
  ...STORED_ANSWER_CHECKS,
];

/** I1, I2, I3, I9 and the daily half of I10: each within one database, whatever its size, in a few statements. */
export async function checkSingleBooks(books: Books, findings: Findings): Promise<void> {
  await Promise.all(CHECKS.map((check) => runCheck(books, check, findings)));
}

const SUMS: ReadonlyArray<{ name: string; database: ServiceName; sum: string }> = [
  {
    name: 'charges - refunds',
    database: 'user-balance',
    sum: `SELECT sum(CASE type WHEN 'CHARGE' THEN amount WHEN 'REFUND' THEN -amount ELSE 0 END) FROM balance_records`,
  },
  { name: 'payments', database: 'payment', sum: 'SELECT sum(amount) FROM payments' },
  {
    name: 'totals of PAID orders',
    database: 'order',
    sum: `SELECT sum(total_amount) FROM orders WHERE status = 'PAID'`,
  },
];

/** I7: three services agree on one sum. */
export async function checkTotals(books: Books, findings: Findings): Promise<void> {
  const sums = await Promise.all(
    SUMS.map(async ({ name, database, sum }) => {
      const [row] = await books.query<{ sum: string }>(
        database,
        `SELECT coalesce((${sum}), 0)::numeric(20, 2)::text AS sum`,
      );
      return [name, row?.sum ?? ''] as const;
    }),
  );
  findings.checked('I7', 'sums', sums.length);
  if (new Set(sums.map(([, sum]) => sum)).size === 1) return;
  findings.violated('I7', {
    subject: 'money',
    problem: 'the services do not agree on one sum',
    rows: Object.fromEntries(sums),
  });
}
