import type { Tx } from '@orderflow/messaging/postgres';
import type { OrderCancelling, OrderCreated } from '@orderflow/shared-events/order';
import type { Fence, Fences, Line } from '../domain/fence.ts';
import type { ReleaseFact, ReleaseState } from '../domain/release.ts';
import type { ReservationFact, ReservationState, StockedProduct } from '../domain/reservation.ts';
import { changeStocks, lockQuantities } from './stocks.ts';

/** Locks the stock of the products that the orders name, then reads the orders' fences: a missing one cannot be locked (rule R1). */
export async function lockStocks(tx: Tx, events: readonly OrderCreated[]): Promise<ReservationState> {
  const [products, fences] = await Promise.all([
    tx.query<StockedProduct & { productId: number }>(
      `SELECT s.product_id AS "productId", p.status, p.price, s.quantity
         FROM product_stocks s JOIN products p ON p.id = s.product_id
        WHERE s.product_id = ANY ($1::bigint[]) ORDER BY s.product_id FOR NO KEY UPDATE OF s`,
      [[...new Set(events.flatMap(({ data }) => data.items.map(({ productId }) => productId)))]],
    ),
    tx.query<FenceRow>(
      `SELECT order_id AS "orderId", status, attempt, items
         FROM stock_reservations WHERE order_id = ANY ($1::bigint[])`,
      [events.map(({ data }) => data.orderId)],
    ),
  ]);
  return {
    products: new Map(products.rows.map(({ productId, ...product }) => [productId, product])),
    fences: fencesFrom(fences.rows),
  };
}

export function saveReservations(tx: Tx, facts: readonly ReservationFact[]): void {
  const reserved = facts.filter((fact) => fact.type === 'stock.reserved');
  changeStocks(
    tx,
    reserved.flatMap(({ lines }) =>
      lines.map(({ productId, quantity }) => ({ productId, delta: -quantity })),
    ),
  );
  const rows = facts.toSorted((a, b) => a.data.orderId - b.data.orderId);
  tx.send(
    `INSERT INTO stock_reservations (order_id, status, items)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::jsonb[])`,
    [
      rows.map(({ data }) => data.orderId),
      rows.map(({ type }) => (type === 'stock.reserved' ? 'done' : 'rejected')),
      rows.map((fact) => (fact.type === 'stock.reserved' ? JSON.stringify(fact.lines) : null)),
    ],
  );
}

/** Locks the orders' fences, then the stock of the products that those hold which are done. */
export async function lockReservations(tx: Tx, events: readonly OrderCancelling[]): Promise<ReleaseState> {
  const { rows } = await tx.query<FenceRow>(
    `SELECT order_id AS "orderId", status, attempt, items
       FROM stock_reservations WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`,
    [events.filter(({ data }) => data.compensate.includes('stock')).map(({ data }) => data.orderId)],
  );
  const held = rows.filter(({ status }) => status === 'done').flatMap(({ items }) => items ?? []);
  await lockQuantities(
    tx,
    held.map(({ productId }) => productId),
  );
  return { fences: fencesFrom(rows) };
}

export function saveReleases(tx: Tx, facts: readonly ReleaseFact[]): void {
  changeStocks(
    tx,
    facts.flatMap(({ lines }) => lines.map(({ productId, quantity }) => ({ productId, delta: quantity }))),
  );
  // A batch may hold a tombstone and the nudge that follows it: one row, with the last attempt.
  const tombstones = new Set(facts.filter(({ was }) => was === 'none').map(({ data }) => data.orderId));
  const last = [...new Map(facts.map(({ data }) => [data.orderId, data])).values()];
  const kept = last.filter(({ orderId }) => !tombstones.has(orderId));
  tx.send(
    `UPDATE stock_reservations r SET status = 'undone', attempt = u.attempt, updated_at = now()
       FROM unnest($1::bigint[], $2::int[]) u (order_id, attempt) WHERE r.order_id = u.order_id`,
    [kept.map(({ orderId }) => orderId), kept.map(({ attempt }) => attempt)],
  );
  const added = last.filter(({ orderId }) => tombstones.has(orderId)).sort((a, b) => a.orderId - b.orderId);
  tx.send(
    `INSERT INTO stock_reservations (order_id, status, attempt)
     SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)`,
    [added.map(({ orderId }) => orderId), added.map(({ attempt }) => attempt)],
  );
}

interface FenceRow {
  readonly orderId: number;
  readonly status: Fence['status'];
  readonly attempt: number;
  readonly items: readonly Line[] | null;
}

function fencesFrom(rows: readonly FenceRow[]): Fences {
  return new Map(
    rows.map(({ orderId, status, attempt, items }) => [
      orderId,
      status === 'done' ? { status, attempt, lines: items ?? [] } : { status, attempt },
    ]),
  );
}
