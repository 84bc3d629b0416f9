import { amounts, type Tx } from '@orderflow/messaging/postgres';
import type { CouponApplied } from '@orderflow/shared-events/coupon';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { ChargeFact, ChargeState } from '../domain/charge.ts';
import type { Fence, Fences } from '../domain/fence.ts';
import type { RefundFact, RefundState } from '../domain/refund.ts';
import { lockBalances, sendMoves } from './balances.ts';

/** Locks the users' balances, then reads the orders' fences: a missing one cannot be locked (rule R1). */
export async function loadCharges(tx: Tx, events: readonly CouponApplied[]): Promise<ChargeState> {
  const [balances, fences] = await Promise.all([
    lockBalances(
      tx,
      events.map(({ data }) => data.userId),
    ),
    tx.query<FenceRow>(
      `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
         FROM order_charges WHERE order_id = ANY ($1::bigint[])`,
      [events.map(({ data }) => data.orderId)],
    ),
  ]);
  return { balances, fences: fencesFrom(fences.rows) };
}

export function saveCharges(tx: Tx, facts: readonly ChargeFact[]): void {
  const rows = facts.toSorted((a, b) => a.data.orderId - b.data.orderId);
  sendMoves(
    tx,
    'CHARGE',
    rows
      .filter(({ type }) => type === 'balance.charged')
      .map(({ data }) => ({ userId: data.userId, amount: data.totalAmount, orderId: data.orderId })),
  );
  tx.send(
    `INSERT INTO order_charges (order_id, status, user_id, amount)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::numeric[])`,
    [
      rows.map(({ data }) => data.orderId),
      rows.map(({ type }) => (type === 'balance.charged' ? 'done' : 'rejected')),
      rows.map(({ data }) => data.userId),
      amounts(rows.map(({ data }) => data.totalAmount)),
    ],
  );
}

/** Locks the orders' fences, then the balances that those that are done were charged to. */
export async function lockCharges(tx: Tx, events: readonly OrderCancelling[]): Promise<RefundState> {
  const { rows } = await tx.query<FenceRow>(
    `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
       FROM order_charges WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`,
    [events.map(({ data }) => data.orderId)],
  );
  const fences = fencesFrom(rows);
  await lockBalances(
    tx,
    [...fences.values()].flatMap((fence) => (fence.status === 'done' ? [fence.userId] : [])),
  );
  return { fences };
}

export function saveRefunds(tx: Tx, facts: readonly RefundFact[]): void {
  sendMoves(
    tx,
    'REFUND',
    facts.flatMap(({ data, refund }) => (refund ? [{ ...refund, orderId: data.orderId }] : [])),
  );
  // A batch may hold a tombstone and the nudge that follows it: one row, with the last attempt.
  const tombstones = new Set(facts.filter(({ was }) => was === 'none').map(({ data }) => data.orderId));
  const last = [...new Map(facts.map(({ data }) => [data.orderId, data])).values()];
  const kept = last.filter(({ orderId }) => !tombstones.has(orderId));
  tx.send(
    `UPDATE order_charges c SET status = 'undone', attempt = u.attempt, updated_at = now()
       FROM unnest($1::bigint[], $2::int[]) u (order_id, attempt) WHERE c.order_id = u.order_id`,
    [kept.map(({ orderId }) => orderId), kept.map(({ attempt }) => attempt)],
  );
  const added = last.filter(({ orderId }) => tombstones.has(orderId)).sort((a, b) => a.orderId - b.orderId);
  tx.send(
    `INSERT INTO order_charges (order_id, status, attempt)
     SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)`,
    [added.map(({ orderId }) => orderId), added.map(({ attempt }) => attempt)],
  );
}

interface FenceRow {
  readonly orderId: number;
  readonly status: Fence['status'];
  readonly attempt: number;
  readonly userId: number | null;
  readonly amount: AmountMinor | null;
}

function fencesFrom(rows: readonly FenceRow[]): Fences {
  return new Map(rows.map((row) => [row.orderId, fenceFrom(row)]));
}

function fenceFrom({ orderId, status, attempt, userId, amount }: FenceRow): Fence {
  if (status !== 'done') return { status, attempt };
  if (userId === null || amount === null)
    throw new Error(`charge of order ${orderId} is done without amount`);
  return { status, attempt, userId, amount };
}
