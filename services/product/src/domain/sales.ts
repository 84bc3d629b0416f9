import type { OrderCancelled, OrderPaid } from '@orderflow/shared-events/order';
import { linesOf, type Line } from './fence.ts';

/** The row this service keeps per paid order in `sales_orders`. What is VOID counts nowhere. */
export interface SalesOrder {
  readonly state: 'COUNTED' | 'VOID';
  /** A calendar day, "2026-03-01", in the sales time zone as it was when the row was written. */
  readonly day: string;
  readonly lines: readonly Line[];
}

/** What a batch of product.count-sales works on. It belongs to the batch and changes in place. */
export interface SalesState {
  readonly orders: Map<number, SalesOrder>;
}

/** Internal facts: they are saved and never published. */
export interface SalesFact {
  readonly type: 'sale-counted' | 'sale-voided';
  readonly orderId: number;
  /** What the row said before. A sale that was never counted is voided without being subtracted. */
  readonly was: SalesOrder['state'] | 'none';
  readonly day: string;
  readonly lines: readonly Line[];
}

/**
 * Rule R8: a paid order counts once on the day it was paid; cancelled after that it is subtracted from that very day;
 * cancelled first, it never counts.
 * @param dayOf the day of a time, of `salesDayIn`
 */
export function decideSales(dayOf: (paidAt: string) => string) {
  return (state: SalesState, { type, data }: OrderPaid | OrderCancelled): readonly SalesFact[] => {
    const { orderId, paidAt, items } = data;
    if (paidAt === null) return [];
    const row = state.orders.get(orderId);
    if (type === 'order.paid') {
      if (row) return [];
      return [{ type: 'sale-counted', orderId, was: 'none', day: dayOf(paidAt), lines: linesOf(items) }];
    }
    if (row?.state === 'VOID') return [];
    if (row) return [{ type: 'sale-voided', orderId, was: 'COUNTED', day: row.day, lines: row.lines }];
    return [{ type: 'sale-voided', orderId, was: 'none', day: dayOf(paidAt), lines: linesOf(items) }];
  };
}

export function withSales(state: SalesState, { type, orderId, day, lines }: SalesFact): SalesState {
  state.orders.set(orderId, { state: type === 'sale-counted' ? 'COUNTED' : 'VOID', day, lines });
  return state;
}

/**
 * The calendar day of a time, "2026-03-01".
 * @param timeZone an IANA name
 * @throws RangeError for a time zone the runtime does not know
 */
export function salesDayIn(timeZone: string): (time: string) => string {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (time) => {
    const parts = new Map(format.formatToParts(new Date(time)).map(({ type, value }) => [type, value]));
    return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
  };
}

/**
 * The first of the `days` days that end with a day, itself included.
 * @param day "2026-03-01"
 */
export function firstDayOf(day: string, days: number): string {
  const first = new Date(`${day}T00:00:00Z`);
  first.setUTCDate(first.getUTCDate() - (days - 1));
  return first.toISOString().slice(0, 10);
}
