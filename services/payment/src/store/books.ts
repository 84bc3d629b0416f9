/** The payments of an order, in one row beside its fence. */
const SIDE_BY_SIDE = `
  (SELECT order_id, sum(amount) AS amount, count(*) AS rows FROM payments GROUP BY order_id) p
  FULL JOIN payment_attempts a USING (order_id)`;

/** What this service can say about its books by itself. */
export const paymentBooks = {
  invariants: [
    {
      id: 'I5',
      promise: 'a live payment is one row of exactly its amount',
      unit: 'payments',
      checked: 'SELECT count(*) AS count FROM payments',
      violations: `
        SELECT 'order ' || order_id AS subject, a.amount::text AS attempted, p.amount::text AS paid, p.rows
          FROM ${SIDE_BY_SIDE}
         WHERE a.status = 'done' AND (p.amount IS DISTINCT FROM a.amount OR p.rows <> 1)
         ORDER BY order_id`,
    },
    {
      id: 'I6',
      promise: 'payments of an order that is over sum to zero',
      unit: 'orders',
      checked: `SELECT count(*) AS count FROM payment_attempts WHERE status <> 'done'`,
      violations: `
        SELECT 'order ' || order_id AS subject, a.status, p.amount::text AS paid
          FROM ${SIDE_BY_SIDE}
         WHERE a.status IS DISTINCT FROM 'done' AND p.amount <> 0
         ORDER BY order_id`,
    },
  ],
  totals: [{ name: 'payments', amount: 'SELECT sum(amount) FROM payments' }],
};
