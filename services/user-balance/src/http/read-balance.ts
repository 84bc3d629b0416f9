import { z } from 'zod';
import { amountOut, jsonId, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { formatAmount } from '@orderflow/shared-events/money';
import type { Reader } from '../store/reader.ts';
import { findBalance } from '../store/users.ts';
import { userNotFound } from './user-shape.ts';

export const readBalance = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/balance',
    caller: 'user',
    operationId: 'getBalance',
    summary: "Shows the caller's balance",
    answers: {
      200: z.strictObject({
        userId: jsonId,
        amount: amountOut,
        updatedAt: timeOut.nullable().describe('null before the first movement'),
      }),
    },
    problems: ['USER_NOT_FOUND'],
    async handle({ caller: { userId } }) {
      const balance = await findBalance(reader, userId);
      if (!balance) throw userNotFound(userId);
      const { amount, updatedAt } = balance;
      return {
        status: 200,
        body: { userId, amount: formatAmount(amount), updatedAt: updatedAt && writeTime(updatedAt) },
      };
    },
  });
