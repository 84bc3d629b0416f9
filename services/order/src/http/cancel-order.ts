import { z } from 'zod';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { decideCancel, refundOpen } from '../domain/transition.ts';
import { lockOrders, saveTransitions } from '../store/orders.ts';
import { messagesOf } from '../store/outbox.ts';
import type { OrderReader } from '../store/reading.ts';
import { orderSchema, showOrder } from './order-shape.ts';
import { orderNotFound, visibleOrder } from './read-order.ts';

/**
 * Cancels an order, or refunds a paid one. Against payment the order row's lock decides: the first commit wins.
 * Asking again changes nothing and answers the same.
 */
export const cancelOrder = (
  write: WriteContext,
  reader: OrderReader,
  refundWindowDays: number,
  changed: (orderIds: readonly number[]) => void,
) =>
  defineRoute({
    method: 'POST',
    path: '/v1/orders/{id}/cancel',
    caller: 'user',
    operationId: 'cancelOrder',
    summary: 'Cancels an order, or refunds a paid one',
    params: z.object({ id: pathId }),
    answers: { 200: orderSchema, 202: orderSchema },
    problems: ['ORDER_NOT_FOUND', 'REFUND_CLOSED'],
    async handle({ params: { id }, caller, requestId, traceparent }) {
      const ids = await commitWithOutbox(write, async (tx, now) => {
        const order = (await lockOrders(tx, [id])).get(id);
        if (order?.data.userId !== caller.userId) throw orderNotFound(id);
        if (order.status === 'PAID' && !refundOpen(order.paidAt, now, refundWindowDays)) {
          throw problem('REFUND_CLOSED', {
            detail: `order ${id} was paid more than ${refundWindowDays} days ago`,
          });
        }
        const facts = decideCancel(order, now, { id: requestId, traceparent });
        if (facts.length > 0) saveTransitions(tx, facts);
        return { result: facts.map(({ data }) => data.orderId), messages: messagesOf(facts, now) };
      });
      changed(ids);
      const order = await visibleOrder(reader, id, caller);
      const body = showOrder(order);
      return body.status === 'CANCELLED' ? { status: 200, body } : { status: 202, body };
    },
  });
