import { formatAmount, parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { Prisma } from '../generated/prisma/client.ts';
import { OrderRefused, type PricedLine } from './order.ts';
import type { OrderRequest } from './orders-route.ts';

/** The five steps of an order through Prisma: one transaction in the monolith, five in the naive services. */
type Tx = Prisma.TransactionClient;

/**
 * Takes each line from stock, in the order given, and prices it.
 * @throws OrderRefused for the first line that cannot be had
 */
export async function takeStock(tx: Tx, items: OrderRequest['items']): Promise<PricedLine[]> {
  const found = await tx.product.findMany({
    where: { id: { in: items.map((item) => item.productId) } },
    select: { id: true, status: true, price: true },
  });
  const products = new Map(found.map((product) => [Number(product.id), product]));
  const lines: PricedLine[] = [];
  for (const { productId, quantity } of items) {
    const product = products.get(productId);
    if (!product) throw new OrderRefused('PRODUCT_NOT_FOUND');
    if (product.status !== 'ON_SALE') throw new OrderRefused('PRODUCT_NOT_ON_SALE');
    const taken = await tx.productStock.updateMany({
      where: { productId, quantity: { gte: quantity } },
      data: { quantity: { decrement: quantity } },
    });
    if (taken.count === 0) throw new OrderRefused('OUT_OF_STOCK');
    const unitPrice = parseAmount(product.price.toFixed(2));
    lines.push({ productId, quantity, unitPrice, totalPrice: unitPrice * BigInt(quantity) });
  }
  return lines;
}

/** Uses the user's coupon. @returns what it is worth @throws OrderRefused */
export async function applyCoupon(tx: Tx, couponId: number, userId: number): Promise<AmountMinor> {
  const [applied] = await tx.coupon.updateManyAndReturn({
    where: { id: couponId, userId, usedAt: null },
    data: { usedAt: new Date() },
    select: { discountAmount: true },
  });
  if (applied) return parseAmount(applied.discountAmount.toFixed(2));
  const own = await tx.coupon.count({ where: { id: couponId, userId } });
  throw new OrderRefused(own === 0 ? 'COUPON_NOT_FOUND' : 'COUPON_ALREADY_USED');
}

/** Takes an order's total from the user's balance. Who has no balance row has nothing. @throws OrderRefused */
export async function chargeBalance(
  tx: Tx,
  order: { readonly orderId: number; readonly userId: number; readonly totalAmount: AmountMinor },
): Promise<void> {
  const amount = formatAmount(order.totalAmount);
  const [charged] = await tx.balance.updateManyAndReturn({
    where: { userId: order.userId, amount: { gte: amount } },
    data: { amount: { decrement: amount } },
    select: { id: true },
  });
  if (!charged) throw new OrderRefused('INSUFFICIENT_BALANCE');
  await tx.balanceRecord.create({
    data: { balanceId: charged.id, type: 'CHARGE', amount, orderId: order.orderId },
  });
}

export async function insertPayment(
  tx: Tx,
  order: { readonly orderId: number; readonly userId: number; readonly totalAmount: AmountMinor },
): Promise<void> {
  const { orderId, userId, totalAmount } = order;
  await tx.payment.create({ data: { orderId, userId, amount: formatAmount(totalAmount), kind: 'PAYMENT' } });
}

/** Adds an order's lines to the counters of its day (UTC); Prisma makes each an INSERT … ON CONFLICT. */
export async function countSales(tx: Tx, items: OrderRequest['items'], paidAt: Date): Promise<void> {
  const date = new Date(paidAt.toISOString().slice(0, 10));
  for (const { productId, quantity } of items) {
    await tx.productDailySales.upsert({
      where: { productId_date: { productId, date } },
      create: { productId, date, quantity },
      update: { quantity: { increment: quantity } },
    });
  }
}
