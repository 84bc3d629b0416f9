import { z } from 'zod';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import { recordAction } from '@orderflow/operations/action-log';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { decideNudge } from '../domain/transition.ts';
import { lockOrders, saveTransitions } from '../store/orders.ts';
import { messagesOf } from '../store/outbox.ts';

/** Asks those who have not answered once more, as a new attempt (rules R2, R7), and writes down who wanted it. */
export const nudgeOrder = (write: WriteContext) =>
  defineRoute({
    method: 'POST',
    path: '/v1/ops/orders/{id}/nudge',
    caller: 'operator',
    operationId: 'nudgeOrder',
    summary: 'Nudges an order that is stuck in CANCELLING',
    params: z.object({ id: pathId }),
    answers: { 202: z.strictObject({ orderId: z.int(), attempt: z.int() }) },
    problems: ['ORDER_NOT_FOUND', 'NOT_CANCELLING'],
    async handle({ params: { id }, caller, requestId, traceparent }) {
      const attempt = await commitWithOutbox(write, async (tx, now) => {
        const order = (await lockOrders(tx, [id])).get(id);
        if (!order) throw problem('ORDER_NOT_FOUND', { detail: `there is no order ${id}` });
        const facts = decideNudge(order, { id: requestId, traceparent });
        if (order.status !== 'CANCELLING' || facts.length === 0) {
          throw problem('NOT_CANCELLING', { detail: `order ${id} is ${order.status}` });
        }
        saveTransitions(tx, facts);
        const next = order.attempt + 1;
        await recordAction(tx, {
          subject: caller.userId,
          action: 'orders.nudge',
          request: { orderId: id },
          outcome: { attempt: next },
        });
        return { result: next, messages: messagesOf(facts, now) };
      });
      return { status: 202, body: { orderId: id, attempt } };
    },
  });
