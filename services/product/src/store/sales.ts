import type { Tx } from '@orderflow/messaging/postgres';
import type { OrderCancelled, OrderPaid } from '@orderflow/shared-events/order';
import type { Line } from '../domain/fence.ts';
import type { SalesFact, SalesOrder, SalesState } from '../domain/sales.ts';

export async function lockSales(
  tx: Tx,
  events: readonly (OrderPaid | OrderCancelled)[],
): Promise<SalesState> {
  const { rows } = await tx.query<Omit<SalesOrder, 'lines'> & { orderId: number; items: readonly Line[] }>(
    `SELECT order_id AS "orderId", state, day, items
       FROM sales_orders WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`,
    [events.map(({ data }) => data.orderId)],
  );
  return {
    orders: new Map(rows.map(({ orderId, state, day, items }) => [orderId, { state, day, lines: items }])),
  };
}

export function saveSales(tx: Tx, facts: readonly SalesFact[]): void {
  const added = new Set(facts.filter(({ was }) => was === 'none').map(({ orderId }) => orderId));
  const last = [...new Map(facts.map((fact) => [fact.orderId, fact])).values()];
  const rows = last.filter(({ orderId }) => added.has(orderId)).sort((a, b) => a.orderId - b.orderId);
  tx.send(
    `INSERT INTO sales_orders (order_id, state, day, items)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::jsonb[])`,
    [
      rows.map(({ orderId }) => orderId),
      rows.map(({ type }) => (type === 'sale-counted' ? 'COUNTED' : 'VOID')),
      rows.map(({ day }) => day),
      rows.map(({ lines }) => JSON.stringify(lines)),
    ],
  );
  tx.send(`UPDATE sales_orders SET state = 'VOID', updated_at = now() WHERE order_id = ANY ($1::bigint[])`, [
    last.filter(({ orderId }) => !added.has(orderId)).map(({ orderId }) => orderId),
  ]);
  changeDailySales(tx, facts);
}

interface DailyChange {
  readonly productId: number;
  readonly day: string;
  quantity: number;
}

/**
 * Adds the sum per product and day. The first statement locks or creates every row of the batch in one sorted pass, so
 * that batches cannot wait for each other in a circle; a sum below zero is left to the second, since an upsert checks
 * the row it proposes (quantity >= 0) before it finds the one that is there.
 */
function changeDailySales(tx: Tx, facts: readonly SalesFact[]): void {
  const changes = dailyChanges(facts);
  tx.send(
    `INSERT INTO product_daily_sales AS s (product_id, date, quantity)
     SELECT product_id, date, quantity
       FROM unnest($1::bigint[], $2::date[], $3::bigint[]) d (product_id, date, quantity) ORDER BY product_id, date
     ON CONFLICT (product_id, date) DO UPDATE SET quantity = s.quantity + excluded.quantity, updated_at = now()`,
    [
      changes.map(({ productId }) => productId),
      changes.map(({ day }) => day),
      changes.map(({ quantity }) => Math.max(quantity, 0)),
    ],
  );
  const fewer = changes.filter(({ quantity }) => quantity < 0);
  tx.send(
    `UPDATE product_daily_sales s SET quantity = s.quantity + d.quantity, updated_at = now()
       FROM unnest($1::bigint[], $2::date[], $3::bigint[]) d (product_id, date, quantity)
      WHERE s.product_id = d.product_id AND s.date = d.date`,
    [
      fewer.map(({ productId }) => productId),
      fewer.map(({ day }) => day),
      fewer.map(({ quantity }) => quantity),
    ],
  );
}

/** A sale that was voided before it was counted changes no day. */
function dailyChanges(facts: readonly SalesFact[]): DailyChange[] {
  const changes = new Map<string, DailyChange>();
  for (const { type, was, day, lines } of facts) {
    if (type === 'sale-voided' && was === 'none') continue;
    for (const { productId, quantity } of lines) {
      const change = changes.get(`${productId} ${day}`) ?? { productId, day, quantity: 0 };
      change.quantity += type === 'sale-counted' ? quantity : -quantity;
      changes.set(`${productId} ${day}`, change);
    }
  }
  return [...changes.values()];
}
