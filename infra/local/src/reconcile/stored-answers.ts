import { SERVICE_NAMES, type ServiceName } from '../ports.ts';
import type { SingleBookCheck } from './single-book-check.ts';

/** The routes that take an Idempotency-Key, each as its service names it in `idempotency_keys.route`. */
const ROUTES: Readonly<Partial<Record<ServiceName, string>>> = {
  order: 'POST /v1/orders',
  'user-balance': 'POST /v1/balance/top-ups',
  product: 'POST /v1/products/{id}/stock-adjustments',
};

/** Answers of a route, read as JSON; `name` tells keys of two callers apart. */
const answersOf = (service: ServiceName) => `
  SELECT subject || '/' || key AS name, subject, status, answer, created_at,
         CASE WHEN answer IS JSON OBJECT THEN answer::jsonb END AS said
    FROM idempotency_keys WHERE route = '${ROUTES[service] ?? ''}' AND status BETWEEN 200 AND 299`;

/** Every key is committed with the 2xx answer of a route that is known here: keys of refused requests are given back. */
const KEPT: readonly SingleBookCheck[] = SERVICE_NAMES.map((database) => ({
  invariant: 'I9',
  database,
  unit: 'stored answers',
  checked: 'SELECT count(*) AS count FROM idempotency_keys',
  subject: 'idempotency key',
  problem: 'it is kept without an answer that had an effect',
  violations: `
    SELECT subject || '/' || key AS "idempotency key", route, status, answer FROM idempotency_keys
     WHERE status IS NULL OR NOT status BETWEEN 200 AND 299 OR (answer IS JSON OBJECT) IS NOT TRUE
        OR route <> '${ROUTES[database] ?? ''}'
     ORDER BY created_at, key`,
}));

const ORDERS: SingleBookCheck = {
  invariant: 'I9',
  database: 'order',
  unit: 'stored answers',
  checked: 'SELECT 0 AS count',
  subject: 'idempotency key',
  problem: 'the order that its answer names is missing, or is another one',
  violations: `
    WITH answers AS (
      SELECT k.*, (SELECT string_agg(i."productId" || 'x' || i.quantity, ' ' ORDER BY i."productId")
                     FROM jsonb_to_recordset(k.said -> 'items') i ("productId" bigint, quantity bigint)) AS items
        FROM (${answersOf('order')}) k
    )
    SELECT a.name AS "idempotency key", a.answer, o.user_id AS "userId", o.coupon_id AS "couponId", l.items
      FROM answers a
      LEFT JOIN orders o ON o.id = (a.said ->> 'id')::bigint
      -- By its key, order by order: with no statistics yet, a join with all lines was planned as a nested loop (20,000
      -- orders: minutes).
      CROSS JOIN LATERAL (SELECT string_agg(product_id || 'x' || quantity, ' ' ORDER BY product_id) AS items
                            FROM order_products WHERE order_id = o.id) l
     WHERE o.id IS NULL OR o.user_id <> a.subject OR o.coupon_id IS DISTINCT FROM (a.said ->> 'couponId')::bigint
        OR l.items IS DISTINCT FROM a.items
     ORDER BY a.created_at, a.name`,
};

/** Each ledger row is written under its balance's lock, so the rows up to one give the balance it left. */
const TOP_UPS: SingleBookCheck = {
  invariant: 'I9',
  database: 'user-balance',
  unit: 'stored answers',
  checked: 'SELECT 0 AS count',
  subject: 'idempotency key',
  problem: 'the top-up that its answer names is missing, or is another one',
  violations: `
    WITH ledger AS (
      SELECT r.id, r.type, r.amount, b.user_id,
             sum(CASE r.type WHEN 'CHARGE' THEN -r.amount ELSE r.amount END)
               OVER (PARTITION BY r.balance_id ORDER BY r.id) AS balance
        FROM balance_records r JOIN balances b ON b.id = r.balance_id
    )
    SELECT a.name AS "idempotency key", a.answer, l.user_id AS "userId", l.amount::text AS amount,
           l.balance::text AS balance
      FROM (${answersOf('user-balance')}) a
      LEFT JOIN ledger l ON l.id = (a.said ->> 'recordId')::bigint AND l.type = 'TOP_UP'
     WHERE l.id IS NULL OR l.user_id <> a.subject OR l.amount IS DISTINCT FROM (a.said ->> 'amount')::numeric
        OR l.balance IS DISTINCT FROM (a.said ->> 'balance')::numeric
     ORDER BY a.created_at, a.name`,
};

/**
 * An adjustment's answer names no row of the ledger. Both get the time of the one transaction that writes them, so the
 * keys of each time are as many as the adjustments. Younger than a week: then no key of the transaction is deleted yet.
 */
const ADJUSTMENTS: SingleBookCheck = {
  invariant: 'I9',
  database: 'product',
  unit: 'stored answers',
  checked: 'SELECT 0 AS count',
  subject: 'idempotency key',
  problem: 'it was committed with more or fewer stock adjustments than keys',
  violations: `
    WITH keys AS (
      SELECT created_at, count(*) AS keys, min(name) AS name
        FROM (${answersOf('product')}) a
       WHERE created_at > now() - interval '6 days' GROUP BY created_at
    ), ledger AS (
      SELECT created_at, count(*) AS adjustments
        FROM stock_adjustments WHERE kind = 'ADJUSTMENT' GROUP BY created_at
    )
    SELECT name AS "idempotency key", created_at AS "createdAt", keys, coalesce(adjustments, 0) AS adjustments
      FROM keys LEFT JOIN ledger USING (created_at)
     WHERE keys IS DISTINCT FROM adjustments
     ORDER BY created_at`,
};

/** One effect, one key: the row that `field` names stands in no second answer. */
function namedOnce(database: ServiceName, field: string, row: string): SingleBookCheck {
  return {
    invariant: 'I9',
    database,
    unit: 'stored answers',
    checked: 'SELECT 0 AS count',
    subject: row,
    problem: 'two idempotency keys have it for their effect',
    violations: `
      SELECT (said ->> '${field}')::bigint AS "${row}", array_agg(name ORDER BY name) AS keys
        FROM (${answersOf(database)}) a
       WHERE said ? '${field}' GROUP BY 1 HAVING count(*) > 1
       ORDER BY 1`,
  };
}

/**
 * I9: every stored answer has its row and says what the row says; one key, one effect. Only from the key to the row: keys
 * are deleted after seven days, rows are not.
 */
export const STORED_ANSWER_CHECKS: readonly SingleBookCheck[] = [
  ...KEPT,
  ORDERS,
  TOP_UPS,
  ADJUSTMENTS,
  namedOnce('order', 'id', 'order'),
  namedOnce('user-balance', 'recordId', 'top-up'),
];
