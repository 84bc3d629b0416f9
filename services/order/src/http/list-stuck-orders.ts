import { z } from 'zod';
import { pageOf, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { PARTICIPANTS, REASONS } from '@orderflow/shared-events/order-so-far';
import type { OrderReader } from '../store/reading.ts';

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

/** The oldest hundred: an operator looks at causes, not at pages. */
const LIMIT = 100;

/** Orders that have waited for answers longer than CANCEL_DEADLINE_MS, and whose answers they lack. */
export const listStuckOrders = (reader: OrderReader, cancelDeadlineMs: number) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/orders/stuck',
    caller: 'operator',
    operationId: 'listStuckOrders',
    summary: 'Orders stuck in CANCELLING',
    answers: { 200: pageOf(stuckSchema) },
    problems: [],
    async handle() {
      const orders = await reader.stuck(cancelDeadlineMs, LIMIT);
      const data = orders.map((order) => ({
        id: Number(order.id),
        reason: z.enum(REASONS).nullable().parse(order.failureReason),
        pending: z.array(z.enum(PARTICIPANTS)).parse(order.pending),
        attempt: order.attempt,
        cancellingAt: writeTime(order.cancellingAt ?? order.updatedAt),
      }));
      return { status: 200, body: { data, nextCursor: null } };
    },
  });
