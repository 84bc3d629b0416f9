import type { Tx } from '@orderflow/messaging/postgres';

/** What is old enough to go, and how much of it in one transaction. */
export interface Purge {
  readonly days: number;
  readonly limit: number;
}

/** Deletes rows of sales that count nowhere; COUNTED ones are what a refund subtracts. Returns how many. */
export async function purgeSalesOrders(tx: Pick<Tx, 'query'>, { days, limit }: Purge): Promise<number> {
  const { rows } = await tx.query(
    `DELETE FROM sales_orders WHERE order_id IN (
       SELECT order_id FROM sales_orders
        WHERE state = 'VOID' AND updated_at < now() - make_interval(days => $1)
        LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING order_id`,
    [days, limit],
  );
  return rows.length;
}
