import { z } from 'zod';
import { amountOut, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { REASONS, type OrderSoFar } from '@orderflow/shared-events/order-so-far';
import type { ShownOrder } from '../store/reading.ts';

export const statusSchema = z
  .enum(['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'PAID', 'CANCELLING', 'CANCELLED'])
  .meta({ id: 'OrderStatus' });

/** An order as clients see it. Prices and amounts are null until known; a refused order may keep them null. */
export const orderSchema = z
  .strictObject({
    id: z.int(),
    userId: z.int(),
    status: statusSchema,
    couponId: z.int().nullable(),
    originalAmount: amountOut.nullable(),
    discountAmount: amountOut.nullable(),
    totalAmount: amountOut.nullable(),
    failureReason: z.enum(REASONS).nullable(),
    items: z.array(
      z.strictObject({
        productId: z.int(),
        quantity: z.int(),
        unitPrice: amountOut.nullable(),
        totalPrice: amountOut.nullable(),
      }),
    ),
    createdAt: timeOut,
    updatedAt: timeOut,
    paidAt: timeOut.nullable(),
  })
  .meta({
    id: 'Order',
    examples: [
      {
        id: 1,
        userId: 1,
        status: 'PAID',
        couponId: null,
        originalAmount: '25.00',
        discountAmount: '0.00',
        totalAmount: '25.00',
        failureReason: null,
        items: [{ productId: 1, quantity: 2, unitPrice: '12.50', totalPrice: '25.00' }],
        createdAt: '2026-11-22T10:00:00.250Z',
        updatedAt: '2026-11-22T10:00:00.480Z',
        paidAt: '2026-11-22T10:00:00.480Z',
      },
    ],
  });

export type OrderShape = z.input<typeof orderSchema>;

export function showOrder(order: ShownOrder): OrderShape {
  return {
    id: Number(order.id),
    userId: Number(order.userId),
    status: statusSchema.parse(order.status),
    couponId: order.couponId === null ? null : Number(order.couponId),
    originalAmount: order.originalAmount?.toFixed(2) ?? null,
    discountAmount: order.discountAmount?.toFixed(2) ?? null,
    totalAmount: order.totalAmount?.toFixed(2) ?? null,
    failureReason: z.enum(REASONS).nullable().parse(order.failureReason),
    items: order.products.map((item) => ({
      productId: Number(item.productId),
      quantity: item.quantity,
      unitPrice: item.unitPrice?.toFixed(2) ?? null,
      totalPrice: item.totalPrice?.toFixed(2) ?? null,
    })),
    createdAt: writeTime(order.createdAt),
    updatedAt: writeTime(order.updatedAt),
    paidAt: order.paidAt === null ? null : writeTime(order.paidAt),
  };
}

/** An order that was accepted at `now`, without reading it back. */
export function showAccepted(order: OrderSoFar, now: Date): OrderShape {
  return {
    id: order.orderId,
    userId: order.userId,
    status: 'CREATED',
    couponId: order.couponId,
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
    failureReason: null,
    items: order.items.map(({ productId, quantity }) => ({
      productId,
      quantity,
      unitPrice: null,
      totalPrice: null,
    })),
    createdAt: writeTime(now),
    updatedAt: writeTime(now),
    paidAt: null,
  };
}
