import { z } from 'zod';
import { jsonId, listQueryBy, pageFrom, pageOf, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { PARTICIPANTS, REASONS } from '@orderflow/shared-events/order-so-far';
import type { OrderReader, OrderRecord } from '../store/reading.ts';

const stuckSchema = z
  .strictObject({
    id: z.int(),
    reason: z.enum(REASONS).nullable(),
    pending: z.array(z.enum(PARTICIPANTS)),
    attempt: z.int(),
    cancellingAt: timeOut,
  })
  .meta({
    id: 'StuckOrder',
    examples: [
      {
        id: 1,
        reason: 'TIMED_OUT',
        pending: ['coupon'],
        attempt: 0,
        cancellingAt: '2026-11-22T10:00:00.250Z',
      },
    ],
  });

/** Where a page ends: when that order began to be cancelled, and its id. */
const place = z.tuple([z.iso.datetime(), jsonId]);

/** Orders that have waited for answers longer than CANCEL_DEADLINE_MS, and whose answers they lack. */
export const listStuckOrders = (reader: OrderReader, cancelDeadlineMs: number) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/orders/stuck',
    caller: 'operator',
    operationId: 'listStuckOrders',
    summary: 'Orders stuck in CANCELLING, the longest first',
    query: z.object(listQueryBy(place)),
    answers: { 200: pageOf(stuckSchema) },
    problems: [],
    async handle({ query: { limit, cursor } }) {
      const after = cursor && { cancellingAt: new Date(cursor[0]), id: cursor[1] };
      const orders = await reader.stuck(cancelDeadlineMs, { after, limit });
      const since = (order: OrderRecord) => writeTime(order.cancellingAt ?? order.updatedAt);
      const body = pageFrom(
        orders,
        limit,
        (order) => [since(order), Number(order.id)],
        (order) => ({
          id: Number(order.id),
          reason: z.enum(REASONS).nullable().parse(order.failureReason),
          pending: z.array(z.enum(PARTICIPANTS)).parse(order.pending),
          attempt: order.attempt,
          cancellingAt: since(order),
        }),
      );
      return { status: 200, body };
    },
  });
