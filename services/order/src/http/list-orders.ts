import { z } from 'zod';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { OrderReader } from '../store/reading.ts';
import { orderSchema, showOrder, statusSchema } from './order-shape.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** The caller's own orders, newest first. */
export const listOrders = (reader: OrderReader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/orders',
    caller: 'user',
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
