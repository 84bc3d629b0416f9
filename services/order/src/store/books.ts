/**
 * What this service can say about its books by itself. An order has ORDER_MAX_AGE_MS to be paid or given up, and
 * CANCEL_DEADLINE_MS to be undone.
 */
export function orderBooks({
  ORDER_MAX_AGE_MS: maxAgeMs,
  CANCEL_DEADLINE_MS: cancelDeadlineMs,
}: {
  readonly ORDER_MAX_AGE_MS: number;
  readonly CANCEL_DEADLINE_MS: number;
}) {
  return {
    invariants: [
      {
        id: 'I4',
        promise: 'every accepted order becomes PAID or CANCELLED in time',
        unit: 'orders',
        checked: 'SELECT count(*) AS count FROM orders',
        violations: `
          SELECT 'order ' || id AS subject, status, created_at AS "createdAt", cancelling_at AS "cancellingAt", pending
            FROM orders
           WHERE status NOT IN ('PAID', 'CANCELLED')
             AND coalesce(cancelling_at + ${cancelDeadlineMs} * interval '1 ms',
                          created_at + ${maxAgeMs + cancelDeadlineMs} * interval '1 ms') < now()
           ORDER BY id`,
      },
    ],
    totals: [
      { name: 'totals of PAID orders', amount: `SELECT sum(total_amount) FROM orders WHERE status = 'PAID'` },
    ],
    orders: `
      SELECT (SELECT count(*) FROM orders WHERE status NOT IN ('PAID', 'CANCELLED')) AS "openOrders",
             (SELECT coalesce(max(id), 0) FROM order_events) AS "lastEventId"`,
  };
}
