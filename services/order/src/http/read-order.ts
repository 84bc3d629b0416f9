import { z } from 'zod';
import type { Caller } from '@orderflow/service-runtime/auth';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { OrderReader, OrderRecord } from '../store/reading.ts';
import { orderSchema, showOrder } from './order-shape.ts';

/** One order with its lines, amounts and status. */
export const readOrder = (reader: OrderReader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/orders/{id}',
    caller: 'user',
    operationId: 'getOrder',
    summary: 'One order',
    params: z.object({ id: pathId }),
    answers: { 200: orderSchema },
    problems: ['ORDER_NOT_FOUND'],
    async handle({ params, caller }) {
      return { status: 200, body: showOrder(await visibleOrder(reader, params.id, caller)) };
    },
  });

/** The order if it is the caller's, or the caller is an operator. @throws Problem ORDER_NOT_FOUND */
export async function visibleOrder(reader: OrderReader, id: number, caller: Caller): Promise<OrderRecord> {
  const order = await reader.order(id);
  if (order && (Number(order.userId) === caller.userId || caller.roles.has('operator'))) return order;
  throw orderNotFound(id);
}

export function orderNotFound(id: number): Error {
  return problem('ORDER_NOT_FOUND', { detail: `there is no order ${id} of yours` });
}
