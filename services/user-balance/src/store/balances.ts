import { amounts, type Tx } from '@orderflow/messaging/postgres';
import type { AmountMinor } from '@orderflow/shared-events/money';

/** Money that moves on a user's balance; `amount` is never negative. */
export interface Move {
  readonly userId: number;
  readonly amount: AmountMinor;
  /** Null for a top-up. */
  readonly orderId: number | null;
}

/**
 * Locks the balances of users, making those that are missing. A user who is not in the answer does not exist.
 * Rows are inserted and locked in user order; an insert lost to another transaction is waited for, then found (rule R1).
 */
export async function lockBalances(tx: Tx, userIds: readonly number[]): Promise<Map<number, AmountMinor>> {
  const [, { rows }] = await Promise.all([
    tx.query(
      `INSERT INTO balances (user_id)
       SELECT id FROM users u
        WHERE id = ANY ($1::bigint[]) AND NOT EXISTS (SELECT FROM balances b WHERE b.user_id = u.id)
        ORDER BY id
       ON CONFLICT (user_id) DO NOTHING`,
      [userIds],
    ),
    tx.query<{ userId: number; amount: AmountMinor }>(
      `SELECT user_id AS "userId", amount FROM balances
        WHERE user_id = ANY ($1::bigint[]) ORDER BY user_id FOR NO KEY UPDATE`,
      [userIds],
    ),
  ]);
  return new Map(rows.map(({ userId, amount }) => [userId, amount]));
}

type MoveType = 'TOP_UP' | 'CHARGE' | 'REFUND';

/** Moves money on balances that are locked: one sum per balance, one ledger row per move. */
export function sendMoves(tx: Tx, type: Exclude<MoveType, 'TOP_UP'>, moves: readonly Move[]): void {
  sendSums(tx, type, moves);
  tx.send(INSERT_RECORDS, recordColumns(type, moves));
}

/**
 * Tops up balances that are locked, likewise.
 * @returns the ids of the ledger rows, in the order of the moves
 */
export async function insertTopUps(tx: Tx, moves: readonly Move[]): Promise<number[]> {
  sendSums(tx, 'TOP_UP', moves);
  const { rows } = await tx.query<{ id: number }>(INSERT_RECORDS, recordColumns('TOP_UP', moves));
  // Ids are drawn in the order of the select; the order of RETURNING is nowhere promised.
  return rows.map(({ id }) => id).sort((a, b) => a - b);
}

function sendSums(tx: Tx, type: MoveType, moves: readonly Move[]): void {
  const sums = new Map<number, AmountMinor>();
  for (const { userId, amount } of moves) {
    sums.set(userId, (sums.get(userId) ?? 0n) + (type === 'CHARGE' ? -amount : amount));
  }
  tx.send(
    `UPDATE balances b SET amount = b.amount + s.amount, updated_at = now()
       FROM unnest($1::bigint[], $2::numeric[]) s (user_id, amount) WHERE b.user_id = s.user_id`,
    [[...sums.keys()], amounts([...sums.values()])],
  );
}

const INSERT_RECORDS = `INSERT INTO balance_records (balance_id, type, amount, order_id)
     SELECT b.id, $1, m.amount, m.order_id
       FROM unnest($2::bigint[], $3::numeric[], $4::bigint[]) WITH ORDINALITY m (user_id, amount, order_id, place)
       JOIN balances b ON b.user_id = m.user_id
      ORDER BY m.place
     RETURNING id`;

function recordColumns(type: MoveType, moves: readonly Move[]) {
  return [
    type,
    moves.map(({ userId }) => userId),
    amounts(moves.map(({ amount }) => amount)),
    moves.map(({ orderId }) => orderId),
  ];
}
