import { z } from 'zod';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { OrderReader } from '../store/reading.ts';
import { orderSchema, showOrder, statusSchema } from './order-shape.ts';

/** Years 1 to 9999 in UTC: Postgres has no year 0, and refuses what the driver would write for it. */
const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999, 'must lie in the years 1 to 9999');

/** The caller's own orders, newest first. */
export const listOrders = (reader: OrderReader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/orders',
    caller: 'user',
    operationId: 'listOrders',
    summary: 'Own orders, newest first',
    query: z.object({
      ...listQuery,
      status: statusSchema.optional(),
      from: time.optional(),
      to: time.optional(),
    }),
    answers: { 200: pageOf(orderSchema) },
    problems: [],
    async handle({ query, caller }) {
      const { limit, cursor, status, from, to } = query;
      const rows = await reader.orders({ userId: caller.userId, status, from, to, before: cursor, limit });
      return { status: 200, body: pageFrom(rows, limit, ({ id }) => Number(id), showOrder) };
    },
  });
