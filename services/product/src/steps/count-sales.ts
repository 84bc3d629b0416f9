import { defineStep } from '@orderflow/messaging/step';
import { OrderCancelled, OrderPaid } from '@orderflow/shared-events/order';
import { decideSales, salesDayIn, withSales } from '../domain/sales.ts';
import { lockSales, saveSales } from '../store/sales.ts';

/** Counts what paid orders sold, per product and day of the sales time zone. Publishes nothing. */
export const countSales = (timeZone: string) =>
  defineStep({
    name: 'product.count-sales',
    on: [OrderPaid, OrderCancelled],
    emits: [],
    fences: ['sales_orders_pkey'],
    load: lockSales,
    decide: decideSales(salesDayIn(timeZone)),
    evolve: withSales,
    save: saveSales,
  });
