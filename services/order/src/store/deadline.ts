import { onlyRow } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';

export interface OpenOrders {
  /** How many orders are open, up to the size of the window. */
  readonly open: number;
  /** Where the next look may begin: no open order has a lower id. */
  readonly from: number;
  /** Late orders, oldest first. */
  readonly late: readonly number[];
}

/** Orders of one look: bounds its time while a new process walks through a long history, and above ORDER_MAX_OPEN. */
const WINDOW = 250_000;

/**
 * Looks at the orders from id `from` on, along the primary key (an index on `status` would make each of an order's
 * updates non-HOT). Late is who has passed the deadline and was overtaken by an order created at least half a
 * deadline later, or has passed the hard age: a poisoned order ends after a minute, while a backlog, where nobody
 * overtakes, does not cancel itself. All by the database's clock.
 */
export async function findOpenOrders(
  tx: Tx,
  {
    from,
    deadlineMs,
    maxAgeMs,
    limit,
  }: { from: number; deadlineMs: number; maxAgeMs: number; limit: number },
): Promise<OpenOrders> {
  const { rows } = await tx.query<OpenOrders>(
    `WITH window_of AS MATERIALIZED (
       SELECT id, created_at, rung FROM (
         SELECT id, created_at,
                array_position(ARRAY['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'PAID'], status::text) AS rung
           FROM orders WHERE id >= $1 ORDER BY id LIMIT ${WINDOW}) o),
     newest AS (
       SELECT r AS rung, (SELECT max(created_at) FROM window_of WHERE rung > r) AS created_at
         FROM generate_series(1, 4) r),
     late AS (
       SELECT w.id FROM window_of w JOIN newest n USING (rung)
        WHERE w.created_at <= now() - $3::float8 * interval '1 ms'
           OR (w.created_at <= now() - $2::float8 * interval '1 ms'
               AND n.created_at >= w.created_at + $2::float8 / 2 * interval '1 ms')
        ORDER BY w.id LIMIT $4)
     SELECT (SELECT count(*) FROM window_of WHERE rung < 5) AS open,
            -- A commit with a lower id may still be on its way; none takes a minute.
            least((SELECT min(id) FROM window_of WHERE rung < 5),
                  (SELECT coalesce(max(id), $1) FROM window_of WHERE created_at < now() - interval '1 minute')) AS from,
            ARRAY(SELECT id FROM late) AS late`,
    [from, deadlineMs, maxAgeMs, limit],
  );
  return onlyRow(rows);
}

/** Locks those of the orders that nobody else has locked: their turn comes with the next sweep. */
export async function lockFree(tx: Tx, ids: readonly number[]): Promise<number[]> {
  const { rows } = await tx.query<{ id: number }>(
    'SELECT id FROM orders WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED',
    [ids],
  );
  return rows.map(({ id }) => id);
}
