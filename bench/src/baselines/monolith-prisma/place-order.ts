import { formatAmount } from '@orderflow/shared-events/money';
import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts';
import type { Answer } from '../front.ts';
import {
  amountsOf,
  OrderRefused,
  paidOrderJson,
  unpricedOrderJson,
  type PaidOrder,
  type RefusalReason,
} from '../order.ts';
import type { OrderRequest } from '../orders-route.ts';
import { applyCoupon, chargeBalance, countSales, insertPayment, takeStock } from '../prisma-steps.ts';
import { inTransaction, insertKey, oncePerKey } from '../prisma.ts';

type Tx = Prisma.TransactionClient;

/** An order as one interactive transaction, its writes in the order of monolith-pg. */
export function placeOrder(prisma: PrismaClient, request: OrderRequest): Promise<Answer> {
  return oncePerKey(prisma, request, async () => {
    try {
      return await inTransaction(prisma, (tx) => pay(tx, request));
    } catch (error) {
      if (!(error instanceof OrderRefused)) throw error;
      return await inTransaction(prisma, (tx) => cancel(tx, request, error.reason));
    }
  });
}

async function pay(tx: Tx, request: OrderRequest): Promise<Answer> {
  const { userId, couponId } = request;
  const lines = await takeStock(tx, request.items);
  const couponAmount = couponId === null ? 0n : await applyCoupon(tx, couponId, userId);
  const draft = { userId, couponId, lines, ...amountsOf(lines, couponAmount), paidAt: new Date() };
  const orderId = await insertOrder(tx, draft);
  const charge = { orderId, userId, totalAmount: draft.totalAmount };
  await chargeBalance(tx, charge);
  await insertPayment(tx, charge);
  const answer = { status: 201, json: paidOrderJson({ id: orderId, ...draft }) };
  await tx.orderEvent.create({ data: { orderId, type: 'ORDER_PAID', snapshot: answer.json } });
  await insertKey(tx, request, answer);
  await countSales(tx, request.items, draft.paidAt);
  return answer;
}

async function insertOrder(tx: Tx, order: Omit<PaidOrder, 'id'>): Promise<number> {
  const { userId, couponId, paidAt, lines } = order;
  const { id } = await tx.order.create({
    data: {
      userId,
      couponId,
      status: 'PAID',
      originalAmount: formatAmount(order.originalAmount),
      discountAmount: formatAmount(order.discountAmount),
      totalAmount: formatAmount(order.totalAmount),
      paidAt,
      createdAt: paidAt,
    },
    select: { id: true },
  });
  await tx.orderProduct.createMany({
    data: lines.map(({ productId, quantity, unitPrice, totalPrice }) => ({
      orderId: id,
      productId,
      quantity,
      unitPrice: formatAmount(unitPrice),
      totalPrice: formatAmount(totalPrice),
    })),
  });
  return Number(id);
}

async function cancel(tx: Tx, request: OrderRequest, reason: RefusalReason): Promise<Answer> {
  const { userId, couponId } = request;
  const order = await tx.order.create({
    data: { userId, couponId, status: 'CANCELLED', failureReason: reason },
    select: { id: true, createdAt: true },
  });
  const orderId = Number(order.id);
  await tx.orderProduct.createMany({ data: request.items.map((item) => ({ orderId, ...item })) });
  const answer = { status: 201, json: unpricedOrderJson(orderId, request, reason, order.createdAt) };
  await tx.orderEvent.create({ data: { orderId, type: 'ORDER_CANCELLED', snapshot: answer.json } });
  await insertKey(tx, request, answer);
  return answer;
}
