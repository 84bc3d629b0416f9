import type { Tx } from '@orderflow/messaging/postgres';
import type { Adjustment } from '../domain/adjustment.ts';

/** Locks the stocks of products, by product id. A product that is not in the answer does not exist. */
export async function lockQuantities(tx: Tx, productIds: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await tx.query<{ productId: number; quantity: number }>(
    `SELECT product_id AS "productId", quantity FROM product_stocks
      WHERE product_id = ANY ($1::bigint[]) ORDER BY product_id FOR NO KEY UPDATE`,
    [[...new Set(productIds)]],
  );
  return new Map(rows.map(({ productId, quantity }) => [productId, quantity]));
}

/**
 * Adds to stocks that are locked already, as one sum per product. CHECK (quantity >= 0) stands behind the decisions.
 * @param changes pieces put in (above zero) or taken out (below zero); a product may come several times
 */
export function changeStocks(tx: Tx, changes: readonly Adjustment[]): void {
  const deltas = new Map<number, number>();
  for (const { productId, delta } of changes) deltas.set(productId, (deltas.get(productId) ?? 0) + delta);
  tx.send(
    `UPDATE product_stocks s SET quantity = s.quantity + d.delta, updated_at = now()
       FROM unnest($1::bigint[], $2::bigint[]) d (product_id, delta) WHERE s.product_id = d.product_id`,
    [[...deltas.keys()], [...deltas.values()]],
  );
}

/** Changes stocks that are locked, with one ledger row an adjustment, in the order of the adjustments. */
export async function insertAdjustments(tx: Tx, adjustments: readonly Adjustment[]): Promise<void> {
  changeStocks(tx, adjustments);
  await tx.query(
    `INSERT INTO stock_adjustments (product_id, kind, delta)
     SELECT product_id, 'ADJUSTMENT', delta
       FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY a (product_id, delta, place) ORDER BY place`,
    [adjustments.map(({ productId }) => productId), adjustments.map(({ delta }) => delta)],
  );
}
