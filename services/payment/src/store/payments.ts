import { parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { Reader } from './reader.ts';

export interface Payment {
  readonly id: number;
  readonly orderId: number;
  readonly userId: number;
  /** Negative: a refund. */
  readonly amount: AmountMinor;
  readonly createdAt: Date;
}

/** A user's payments, newest first, `limit` + 1 of them; those of one order when it is given. */
export async function findPayments(
  reader: Reader,
  query: {
    readonly userId: number;
    readonly orderId?: number | undefined;
    readonly limit: number;
    readonly cursor?: number | undefined;
  },
): Promise<Payment[]> {
  const rows = await reader.payment.findMany({
    where: {
      userId: query.userId,
      ...(query.orderId !== undefined && { orderId: query.orderId }),
      ...(query.cursor !== undefined && { id: { lt: query.cursor } }),
    },
    orderBy: { id: 'desc' },
    take: query.limit + 1,
  });
  return rows.map(({ id, orderId, userId, amount, createdAt }) => ({
    id: Number(id),
    orderId: Number(orderId),
    userId: Number(userId),
    amount: parseAmount(amount.toFixed(2)),
    createdAt,
  }));
}
