import { z } from 'zod';
import {
  amountOut,
  jsonId,
  listQuery,
  pageFrom,
  pageOf,
  pathId,
  timeOut,
  writeTime,
} from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { formatAmount } from '@orderflow/shared-events/money';
import { findPayments, type Payment } from '../store/payments.ts';
import type { Reader } from '../store/reader.ts';

const paymentShape = z
  .strictObject({
    id: jsonId,
    orderId: jsonId,
    userId: jsonId,
    amount: amountOut.describe('negative for a refund'),
    createdAt: timeOut,
  })
  .meta({
    id: 'Payment',
    examples: [{ id: 1, orderId: 1, userId: 1, amount: '25.00', createdAt: '2026-11-22T10:00:00.250Z' }],
  });

export const listPayments = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/payments',
    caller: 'user',
    operationId: 'listPayments',
    summary: "Lists the caller's payments and refunds, newest first",
    description: "With `orderId` those of one order; of another user's order: none.",
    query: z.strictObject({ ...listQuery, orderId: pathId.optional() }),
    answers: { 200: pageOf(paymentShape) },
    problems: [],
    async handle({ caller, query }) {
      const payments = await findPayments(reader, { ...query, userId: caller.userId });
      return { status: 200, body: pageFrom(payments, query.limit, ({ id }) => id, showPayment) };
    },
  });

function showPayment(payment: Payment): z.input<typeof paymentShape> {
  const { amount, createdAt } = payment;
  return { ...payment, amount: formatAmount(amount), createdAt: writeTime(createdAt) };
}
