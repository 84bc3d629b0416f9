import { amounts, type Tx } from '@orderflow/messaging/postgres';
import type { AmountMinor } from '@orderflow/shared-events/money';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { BalanceCharged } from '@orderflow/shared-events/user-balance';
import type { Fence, Fences } from '../domain/fence.ts';
import type { PaymentFact, PaymentState } from '../domain/payment.ts';
import type { RefundFact, RefundState } from '../domain/refund.ts';

/** Reads the orders' fences: nothing is contended here, and a missing row cannot be locked (rule R1). */
export async function readAttempts(tx: Tx, events: readonly BalanceCharged[]): Promise<PaymentState> {
  const { rows } = await tx.query<FenceRow>(
    `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
       FROM payment_attempts WHERE order_id = ANY ($1::bigint[])`,
    [events.map(({ data }) => data.orderId)],
  );
  return { fences: fencesFrom(rows) };
}

export function savePayments(tx: Tx, facts: readonly PaymentFact[]): void {
  const rows = facts.toSorted((a, b) => a.data.orderId - b.data.orderId);
  // The fence first: of two that pay one order, the second then fails on it and is known for a lost race.
  tx.send(
    `INSERT INTO payment_attempts (order_id, status, user_id, amount)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::numeric[])`,
    [
      rows.map(({ data }) => data.orderId),
      rows.map(({ type }) => (type === 'payment.completed' ? 'done' : 'rejected')),
      rows.map(({ data }) => data.userId),
      amounts(rows.map(({ data }) => data.totalAmount)),
    ],
  );
  insertPayments(
    tx,
    'PAYMENT',
    rows
      .filter(({ type }) => type === 'payment.completed')
      .map(({ data }) => ({ orderId: data.orderId, userId: data.userId, amount: data.totalAmount })),
  );
}

/** Locks the orders' fences. */
export async function lockAttempts(tx: Tx, events: readonly OrderCancelling[]): Promise<RefundState> {
  const { rows } = await tx.query<FenceRow>(
    `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
       FROM payment_attempts WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`,
    [events.map(({ data }) => data.orderId)],
  );
  return { fences: fencesFrom(rows) };
}

export function saveRefunds(tx: Tx, facts: readonly RefundFact[]): void {
  insertPayments(
    tx,
    'REFUND',
    facts.flatMap(({ data, refund }) =>
      refund ? [{ orderId: data.orderId, userId: refund.userId, amount: -refund.amount }] : [],
    ),
  );
  // A batch may hold a tombstone and the nudge that follows it: one row, with the last attempt.
  const tombstones = new Set(facts.filter(({ was }) => was === 'none').map(({ data }) => data.orderId));
  const last = [...new Map(facts.map(({ data }) => [data.orderId, data])).values()];
  const kept = last.filter(({ orderId }) => !tombstones.has(orderId));
  tx.send(
    `UPDATE payment_attempts a SET status = 'undone', attempt = u.attempt, updated_at = now()
       FROM unnest($1::bigint[], $2::int[]) u (order_id, attempt) WHERE a.order_id = u.order_id`,
    [kept.map(({ orderId }) => orderId), kept.map(({ attempt }) => attempt)],
  );
  const added = last.filter(({ orderId }) => tombstones.has(orderId)).sort((a, b) => a.orderId - b.orderId);
  tx.send(
    `INSERT INTO payment_attempts (order_id, status, attempt)
     SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)`,
    [added.map(({ orderId }) => orderId), added.map(({ attempt }) => attempt)],
  );
}

function insertPayments(
  tx: Tx,
  kind: 'PAYMENT' | 'REFUND',
  rows: readonly { orderId: number; userId: number; amount: AmountMinor }[],
): void {
  tx.send(
    `INSERT INTO payments (kind, order_id, user_id, amount)
     SELECT $1, p.* FROM unnest($2::bigint[], $3::bigint[], $4::numeric[]) p`,
    [
      kind,
      rows.map(({ orderId }) => orderId),
      rows.map(({ userId }) => userId),
      amounts(rows.map(({ amount }) => amount)),
    ],
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
    throw new Error(`payment attempt of order ${orderId} is done without amount`);
  return { status, attempt, userId, amount };
}
