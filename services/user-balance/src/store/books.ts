/** The records of an order, in one row beside its fence. */
const SIDE_BY_SIDE = `
  (SELECT order_id, count(*) AS rows, sum(CASE type WHEN 'CHARGE' THEN amount ELSE -amount END) AS amount
     FROM balance_records WHERE order_id IS NOT NULL GROUP BY order_id) r
  FULL JOIN order_charges c USING (order_id)`;

/** What this service can say about its books by itself. */
export const balanceBooks = {
  invariants: [
    {
      id: 'I1',
      promise: 'each balance is top-ups minus charges plus refunds, and not below zero',
      unit: 'balances',
      checked: 'SELECT count(*) AS count FROM balances',
      violations: `
        SELECT 'user ' || b.user_id AS subject, b.amount::text AS balance,
               coalesce(l.amount, 0)::numeric(20, 2)::text AS records
          FROM balances b
          LEFT JOIN (SELECT balance_id, sum(CASE type WHEN 'CHARGE' THEN -amount ELSE amount END) AS amount
                       FROM balance_records GROUP BY balance_id) l ON l.balance_id = b.id
         WHERE b.amount <> coalesce(l.amount, 0) OR b.amount < 0
         ORDER BY b.user_id`,
    },
    {
      id: 'I5',
      promise: 'a live charge is one record of exactly its amount',
      unit: 'charges',
      checked: `SELECT count(*) AS count FROM order_charges WHERE status = 'done'`,
      violations: `
        SELECT 'order ' || order_id AS subject, c.amount::text AS charge, r.amount::text AS records, r.rows
          FROM ${SIDE_BY_SIDE}
         WHERE c.status = 'done' AND (r.amount IS DISTINCT FROM c.amount OR r.rows <> 1)
         ORDER BY order_id`,
    },
    {
      id: 'I6',
      promise: 'charges and refunds of an order that is over sum to zero',
      unit: 'orders',
      checked: `SELECT count(*) AS count FROM order_charges WHERE status <> 'done'`,
      violations: `
        SELECT 'order ' || order_id AS subject, c.status, r.amount::text AS records
          FROM ${SIDE_BY_SIDE}
         WHERE c.status IS DISTINCT FROM 'done' AND r.amount <> 0
         ORDER BY order_id`,
    },
  ],
  totals: [
    {
      name: 'charges minus refunds',
      amount: `SELECT sum(CASE type WHEN 'CHARGE' THEN amount WHEN 'REFUND' THEN -amount ELSE 0 END) FROM balance_records`,
    },
  ],
};
