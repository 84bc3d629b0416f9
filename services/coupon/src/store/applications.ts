import { amounts, type Tx } from '@orderflow/messaging/postgres';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { StockReserved } from '@orderflow/shared-events/product';
import type { ApplicationFact, ApplicationState, Coupon } from '../domain/application.ts';
import type { Fence, Fences } from '../domain/fence.ts';
import type { RestorationFact, RestorationState } from '../domain/restoration.ts';

/** Locks the coupons that the orders name, then reads the orders' fences: a missing one cannot be locked (rule R1). */
export async function lockCoupons(tx: Tx, events: readonly StockReserved[]): Promise<ApplicationState> {
  const [coupons, fences] = await Promise.all([
    lockNamed(
      tx,
      events.map(({ data }) => data.couponId).filter((id) => id !== null),
    ),
    tx.query<FenceRow>(
      `SELECT order_id AS "orderId", status, attempt, coupon_id AS "couponId"
         FROM coupon_applications WHERE order_id = ANY ($1::bigint[])`,
      [events.map(({ data }) => data.orderId)],
    ),
  ]);
  return {
    coupons: new Map(coupons.map(({ id, ...coupon }) => [id, coupon])),
    fences: fencesFrom(fences.rows),
  };
}

/** Most orders name none: then there is nothing to ask for. */
async function lockNamed(tx: Tx, ids: readonly number[]): Promise<(Coupon & { id: number })[]> {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<Coupon & { id: number }>(
    `SELECT id, user_id AS "userId", discount_amount AS "discountAmount", used_at IS NOT NULL AS used
       FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE`,
    [ids],
  );
  return rows;
}

export function saveApplications(tx: Tx, facts: readonly ApplicationFact[]): void {
  const applied = facts.filter((fact) => fact.type === 'coupon.applied');
  const used = applied.map(({ data }) => data.couponId).filter((id) => id !== null);
  if (used.length > 0) {
    tx.send('UPDATE coupons SET used_at = now(), updated_at = now() WHERE id = ANY ($1::bigint[])', [used]);
  }
  const rows = facts.toSorted(byOrder);
  tx.send(
    `INSERT INTO coupon_applications (order_id, coupon_id, status, discount_amount, refusal)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::numeric[], $5::text[])`,
    [
      rows.map(({ data }) => data.orderId),
      rows.map(({ data }) => data.couponId),
      rows.map(({ type }) => (type === 'coupon.applied' ? 'done' : 'rejected')),
      amounts(rows.map(({ type, data }) => (type === 'coupon.applied' ? data.discountAmount : null))),
      rows.map((fact) => (fact.type === 'coupon.rejected' ? fact.refusal : null)),
    ],
  );
}

/** Locks the orders' fences, then the coupons those that are done hold. */
export async function lockApplications(
  tx: Tx,
  events: readonly OrderCancelling[],
): Promise<RestorationState> {
  const { rows } = await tx.query<FenceRow>(
    `SELECT order_id AS "orderId", status, attempt, coupon_id AS "couponId"
       FROM coupon_applications WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`,
    [events.map(({ data }) => data.orderId)],
  );
  await tx.query('SELECT id FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE', [
    rows.filter(({ status }) => status === 'done').map(({ couponId }) => couponId),
  ]);
  return { fences: fencesFrom(rows) };
}

export function saveRestorations(tx: Tx, facts: readonly RestorationFact[]): void {
  tx.send('UPDATE coupons SET used_at = NULL, updated_at = now() WHERE id = ANY ($1::bigint[])', [
    facts.map(({ couponId }) => couponId).filter((id) => id !== null),
  ]);
  // A batch may hold a tombstone and the nudge that follows it: one row, with the last attempt.
  const tombstones = new Set(facts.filter(({ was }) => was === 'none').map(({ data }) => data.orderId));
  const last = [...new Map(facts.map(({ data }) => [data.orderId, data])).values()];
  const kept = last.filter(({ orderId }) => !tombstones.has(orderId));
  tx.send(
    `UPDATE coupon_applications a SET status = 'undone', attempt = u.attempt, updated_at = now()
       FROM unnest($1::bigint[], $2::int[]) u (order_id, attempt) WHERE a.order_id = u.order_id`,
    [kept.map(({ orderId }) => orderId), kept.map(({ attempt }) => attempt)],
  );
  const added = last.filter(({ orderId }) => tombstones.has(orderId)).sort((a, b) => a.orderId - b.orderId);
  tx.send(
    `INSERT INTO coupon_applications (order_id, status, attempt)
     SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)`,
    [added.map(({ orderId }) => orderId), added.map(({ attempt }) => attempt)],
  );
}

interface FenceRow {
  readonly orderId: number;
  readonly status: Fence['status'];
  readonly attempt: number;
  readonly couponId: number | null;
}

function fencesFrom(rows: readonly FenceRow[]): Fences {
  return new Map(
    rows.map(({ orderId, status, attempt, couponId }) => [
      orderId,
      status === 'done' ? { status, attempt, couponId } : { status, attempt },
    ]),
  );
}

function byOrder(a: ApplicationFact, b: ApplicationFact): number {
  return a.data.orderId - b.data.orderId;
}
