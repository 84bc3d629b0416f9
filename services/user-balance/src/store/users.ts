import { parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { BalanceRecordModel, UserModel } from '../generated/prisma/models.ts';
import type { Reader } from './reader.ts';

export interface User {
  readonly id: number;
  readonly name: string;
  readonly createdAt: Date;
}

export interface Balance {
  readonly amount: AmountMinor;
  /** Null: there is no row yet, nothing was ever moved. */
  readonly updatedAt: Date | null;
}

export interface BalanceRecord {
  readonly id: number;
  readonly type: 'TOP_UP' | 'CHARGE' | 'REFUND';
  /** Never negative. */
  readonly amount: AmountMinor;
  readonly orderId: number | null;
  readonly createdAt: Date;
}

export async function insertUser(reader: Reader, name: string): Promise<User> {
  return userFrom(await reader.user.create({ data: { name } }));
}

/** Null when there is no such user. */
export async function findUser(reader: Reader, id: number): Promise<User | null> {
  const row = await reader.user.findUnique({ where: { id } });
  return row && userFrom(row);
}

/** Null when there is no such user. */
export async function findBalance(reader: Reader, userId: number): Promise<Balance | null> {
  const row = await reader.user.findUnique({ where: { id: userId }, select: { balance: true } });
  if (!row) return null;
  if (!row.balance) return { amount: 0n, updatedAt: null };
  return { amount: parseAmount(row.balance.amount.toFixed(2)), updatedAt: row.balance.updatedAt };
}

/** What moved on a user's balance, newest first, `limit` + 1 rows. */
export async function findRecords(
  reader: Reader,
  query: { readonly userId: number; readonly limit: number; readonly cursor?: number | undefined },
): Promise<BalanceRecord[]> {
  const balance = await reader.balance.findUnique({ where: { userId: query.userId }, select: { id: true } });
  if (!balance) return [];
  const rows = await reader.balanceRecord.findMany({
    where: { balanceId: balance.id, ...(query.cursor !== undefined && { id: { lt: query.cursor } }) },
    orderBy: { id: 'desc' },
    take: query.limit + 1,
  });
  return rows.map(recordFrom);
}

function userFrom({ id, name, createdAt }: UserModel): User {
  return { id: Number(id), name, createdAt };
}

function recordFrom({ id, type, amount, orderId, createdAt }: BalanceRecordModel): BalanceRecord {
  return {
    id: Number(id),
    // A CHECK constraint keeps the set.
    type: type as BalanceRecord['type'],
    amount: parseAmount(amount.toFixed(2)),
    orderId: orderId === null ? null : Number(orderId),
    createdAt,
  };
}
