import { formatAmount, parseAmount } from '@orderflow/shared-events/money';
import { amountsOf } from '../order.ts';
import { applyCoupon, chargeBalance, countSales, insertPayment, takeStock } from '../prisma-steps.ts';
import type { Steps } from './consumer.ts';
import type { OrderData, Service } from './events.ts';
import { cancelOrder, payOrder } from './orders.ts';

/** A field that an earlier step has set. */
function known<Value>(value: Value | null): Value {
  if (value === null) throw new Error('an event lacks what an earlier step knew');
  return value;
}

const product: Steps = {
  'order-created': {
    then: 'stock-reserved',
    orElse: 'stock-rejected',
    async run(tx, data) {
      const lines = await takeStock(tx, data.items);
      return {
        ...data,
        items: lines.map((line) => ({
          ...line,
          unitPrice: formatAmount(line.unitPrice),
          totalPrice: formatAmount(line.totalPrice),
        })),
        originalAmount: formatAmount(amountsOf(lines, 0n).originalAmount),
      };
    },
  },
  'order-paid': {
    async run(tx, data) {
      await countSales(tx, data.items, new Date(known(data.paidAt)));
      return data;
    },
  },
  'order-cancelled': {
    async run(tx, data) {
      if (data.originalAmount === null) return data;
      for (const { productId, quantity } of data.items) {
        await tx.productStock.update({ where: { productId }, data: { quantity: { increment: quantity } } });
      }
      return data;
    },
  },
};

const coupon: Steps = {
  'stock-reserved': {
    then: 'coupon-applied',
    orElse: 'coupon-rejected',
    async run(tx, data) {
      const original = parseAmount(known(data.originalAmount));
      const worth = data.couponId === null ? 0n : await applyCoupon(tx, data.couponId, data.userId);
      const discount = worth < original ? worth : original;
      return {
        ...data,
        discountAmount: formatAmount(discount),
        totalAmount: formatAmount(original - discount),
      };
    },
  },
  'order-cancelled': {
    async run(tx, data) {
      if (data.couponId !== null && data.discountAmount !== null) {
        await tx.coupon.update({ where: { id: data.couponId }, data: { usedAt: null } });
      }
      return data;
    },
  },
};

const chargeOf = ({ orderId, userId, totalAmount }: OrderData) => ({
  orderId,
  userId,
  totalAmount: parseAmount(known(totalAmount)),
});

const balance: Steps = {
  'coupon-applied': {
    then: 'balance-charged',
    orElse: 'balance-rejected',
    async run(tx, data) {
      await chargeBalance(tx, chargeOf(data));
      return data;
    },
  },
};

const payment: Steps = {
  'balance-charged': {
    then: 'payment-completed',
    async run(tx, data) {
      await insertPayment(tx, chargeOf(data));
      return data;
    },
  },
};

const order: Steps = {
  'payment-completed': { then: 'order-paid', run: payOrder },
  'stock-rejected': { then: 'order-cancelled', run: cancelOrder },
  'coupon-rejected': { then: 'order-cancelled', run: cancelOrder },
  'balance-rejected': { then: 'order-cancelled', run: cancelOrder },
};

export const STEPS: Readonly<Record<Service, Steps>> = { order, product, coupon, balance, payment };
