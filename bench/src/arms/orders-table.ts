import type { Outcome } from '../arm.ts';
import { queryAt } from './ours-shop.ts';

/** What every arm's table `orders` tells; its rows' last writer is the commit that paid them. */
export interface OrdersTable {
  open(): Promise<number>;
  lastOrderId(): Promise<number>;
  outcome(afterId: number): Promise<Outcome>;
  paidAt(afterId: number): Promise<ReadonlyMap<number, number>>;
}

const MS = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`;

/** Reads the table through a superuser's URL; needs track_commit_timestamp. */
export function readOrdersTable(url: string): OrdersTable {
  return {
    async open() {
      const text = `SELECT count(*)::int AS open FROM orders WHERE status NOT IN ('PAID', 'CANCELLED')`;
      return (await queryAt<{ open: number }>(url, text))[0]?.open ?? 0;
    },
    async lastOrderId() {
      const rows = await queryAt<{ id: string | null }>(url, 'SELECT max(id) AS id FROM orders');
      return Number(rows[0]?.id ?? 0);
    },
    async outcome(afterId) {
      const rows = await queryAt<Outcome>(
        url,
        `SELECT (count(*) FILTER (WHERE status = 'PAID'))::int AS paid,
                (count(*) FILTER (WHERE status = 'CANCELLED'))::int AS cancelled,
                coalesce(${MS('max(pg_xact_commit_timestamp(xmin)) - min(created_at)')}, 0) AS "spanMs"
           FROM orders WHERE id > $1`,
        [afterId],
      );
      return rows[0] ?? { paid: 0, cancelled: 0, spanMs: 0 };
    },
    async paidAt(afterId) {
      const rows = await queryAt<{ id: string; at: number }>(
        url,
        `SELECT id, ${MS('pg_xact_commit_timestamp(xmin)')} AS at FROM orders WHERE id > $1 AND status = 'PAID'`,
        [afterId],
      );
      return new Map(rows.map(({ id, at }) => [Number(id), at]));
    },
  };
}
