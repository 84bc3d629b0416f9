import { z } from 'zod';
import {
  amountOut,
  jsonId,
  listQuery,
  pageFrom,
  pageOf,
  timeOut,
  writeTime,
} from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { formatAmount } from '@orderflow/shared-events/money';
import type { Reader } from '../store/reader.ts';
import { findRecords, type BalanceRecord } from '../store/users.ts';

const recordShape = z
  .strictObject({
    id: jsonId,
    type: z.enum(['TOP_UP', 'CHARGE', 'REFUND']),
    amount: amountOut.describe('positive; the type says the direction'),
    orderId: jsonId.nullable(),
    createdAt: timeOut,
  })
  .meta({
    id: 'BalanceRecord',
    examples: [{ id: 1, type: 'CHARGE', amount: '25.00', orderId: 1, createdAt: '2026-11-22T10:00:00.250Z' }],
  });

export const listRecords = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/balance/records',
    caller: 'user',
    operationId: 'listBalanceRecords',
    summary: "Lists what moved on the caller's balance, newest first",
    query: z.strictObject(listQuery),
    answers: { 200: pageOf(recordShape) },
    problems: [],
    async handle({ caller, query }) {
      const records = await findRecords(reader, { ...query, userId: caller.userId });
      return { status: 200, body: pageFrom(records, query.limit, ({ id }) => id, showRecord) };
    },
  });

function showRecord(record: BalanceRecord): z.input<typeof recordShape> {
  return { ...record, amount: formatAmount(record.amount), createdAt: writeTime(record.createdAt) };
}
