import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts';
import type { Answer } from '../front.ts';
import { unpricedOrderJson } from '../order.ts';
import type { OrderRequest } from '../orders-route.ts';
import { inTransaction, insertKey, oncePerKey } from '../prisma.ts';
import type { OrderData } from './events.ts';
import { append } from './outbox.ts';

type Tx = Prisma.TransactionClient;

/** Accepts an order and announces it; the other services do the rest. Answers 202. */
export function acceptOrder(prisma: PrismaClient, request: OrderRequest): Promise<Answer> {
  return oncePerKey(prisma, request, () =>
    inTransaction(prisma, async (tx) => {
      const { userId, couponId, items } = request;
      const { id, createdAt } = await tx.order.create({
        data: { userId, couponId },
        select: { id: true, createdAt: true },
      });
      const orderId = Number(id);
      await tx.orderProduct.createMany({ data: items.map((item) => ({ orderId, ...item })) });
      const data: OrderData = {
        orderId,
        userId,
        couponId,
        items: items.map((item) => ({ ...item, unitPrice: null, totalPrice: null })),
        originalAmount: null,
        discountAmount: null,
        totalAmount: null,
        reason: null,
        paidAt: null,
      };
      await insertEvent(tx, 'ORDER_CREATED', data);
      await append(tx, { event: 'order-created', data });
      const answer = { status: 202, json: unpricedOrderJson(orderId, request, null, createdAt) };
      await insertKey(tx, request, answer);
      return answer;
    }),
  );
}

export async function payOrder(tx: Tx, data: OrderData): Promise<OrderData> {
  const paidAt = new Date();
  const { orderId, originalAmount, discountAmount, totalAmount } = data;
  await tx.order.update({
    where: { id: orderId, status: 'CREATED' },
    data: { status: 'PAID', originalAmount, discountAmount, totalAmount, paidAt },
  });
  for (const { productId, unitPrice, totalPrice } of data.items) {
    await tx.orderProduct.update({
      where: { orderId_productId: { orderId, productId } },
      data: { unitPrice, totalPrice },
    });
  }
  const paid = { ...data, paidAt: paidAt.toISOString() };
  await insertEvent(tx, 'ORDER_PAID', paid);
  return paid;
}

export async function cancelOrder(tx: Tx, data: OrderData): Promise<OrderData> {
  await tx.order.update({
    where: { id: data.orderId, status: 'CREATED' },
    data: { status: 'CANCELLED', failureReason: data.reason },
  });
  await insertEvent(tx, 'ORDER_CANCELLED', data);
  return data;
}

async function insertEvent(
  tx: Tx,
  type: 'ORDER_CREATED' | 'ORDER_PAID' | 'ORDER_CANCELLED',
  data: OrderData,
): Promise<void> {
  await tx.orderEvent.create({ data: { orderId: data.orderId, type, snapshot: JSON.stringify(data) } });
}
