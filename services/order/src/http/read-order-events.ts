import { z } from 'zod';
import { listQuery, pageFrom, pageOf, pathId, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { REASONS } from '@orderflow/shared-events/order-so-far';
import type { OrderEventRecord, OrderReader } from '../store/reading.ts';
import { visibleOrder } from './read-order.ts';

const lineSchema = z
  .strictObject({
    id: z.int(),
    type: z.string(),
    attempt: z.int(),
    reason: z.enum(REASONS).nullable(),
    createdAt: timeOut,
  })
  .meta({
    id: 'OrderEvent',
    examples: [
      { id: 1, type: 'ORDER_CREATED', attempt: 0, reason: null, createdAt: '2026-11-22T10:00:00.250Z' },
    ],
  });

/** The order's timeline, oldest first: one line for each step it took. */
export const readOrderEvents = (reader: OrderReader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/orders/{id}/events',
    caller: 'user',
    operationId: 'listOrderEvents',
    summary: "An order's timeline",
    params: z.object({ id: pathId }),
    query: z.object(listQuery),
    answers: { 200: pageOf(lineSchema) },
    problems: ['ORDER_NOT_FOUND'],
    async handle({ params, query, caller }) {
      const order = await visibleOrder(reader, params.id, caller);
      const rows = await reader.events(params.id, query.cursor, query.limit);
      const reason = z.enum(REASONS).nullable().parse(order.failureReason);
      const show = (event: OrderEventRecord) => ({
        id: Number(event.id),
        type: event.type,
        attempt: event.attempt,
        // The first reason stays: both lines of a compensation carry it.
        reason: event.type === 'ORDER_CANCELLING' || event.type === 'ORDER_CANCELLED' ? reason : null,
        createdAt: writeTime(event.createdAt),
      });
      return { status: 200, body: pageFrom(rows, query.limit, ({ id }) => Number(id), show) };
    },
  });
