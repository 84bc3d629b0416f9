import { describe, expect, it } from '@jest/globals';
import {
  OrderCancelled as orderCancelledContract,
  OrderPaid as orderPaidContract,
  type OrderCancelled,
  type OrderPaid,
} from '@orderflow/shared-events/order';
import { anOrder, received } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import { decideSales, firstDayOf, salesDayIn, withSales, type SalesOrder, type SalesState } from './sales.ts';

const given = specification({
  decide: decideSales(salesDayIn('Asia/Seoul')),
  evolve: withSales,
  initial: (rows: readonly [number, SalesOrder][]): SalesState => ({ orders: new Map(rows) }),
});

const paidAt = '2026-02-28T15:30:00.000Z';
const dayInSeoul = '2026-03-01';

const item = (productId: number, quantity: number) => ({
  productId,
  quantity,
  expectedUnitPrice: null,
  unitPrice: 100n,
  totalPrice: 100n * BigInt(quantity),
});
const order = (orderId: number) => anOrder({ orderId, items: [item(2, 1), item(1, 2)] });
const lines = [
  { productId: 1, quantity: 2 },
  { productId: 2, quantity: 1 },
];

const orderPaid = (orderId = 10): OrderPaid => received(orderPaidContract, { ...order(orderId), paidAt });

const orderCancelled = (part: Partial<OrderCancelled['data']> = {}): OrderCancelled =>
  received(orderCancelledContract, { ...order(10), reason: 'CANCELLED_BY_USER', paidAt, ...part });

const counted: [number, SalesOrder] = [
  10,
  { state: 'COUNTED', day: '2026-02-27', lines: [{ productId: 9, quantity: 9 }] },
];
const voided: [number, SalesOrder] = [10, { state: 'VOID', day: '2026-02-27', lines }];

describe('product.count-sales', () => {
  it('counts a paid order on the day of its payment in the sales time zone', () =>
    given()
      .when(orderPaid())
      .then({ type: 'sale-counted', orderId: 10, was: 'none', day: dayInSeoul, lines }));

  it('counts a paid order once', () =>
    given()
      .when(orderPaid(), orderPaid(), orderPaid(11))
      .then({ type: 'sale-counted', orderId: 10 }, { type: 'sale-counted', orderId: 11 }));

  it('subtracts a refunded order from the day and the lines that its row holds', () =>
    given(counted)
      .when(orderCancelled())
      .then({
        type: 'sale-voided',
        was: 'COUNTED',
        day: '2026-02-27',
        lines: [{ productId: 9, quantity: 9 }],
      }));

  it('sees within a batch that the order was counted', () =>
    given()
      .when(orderPaid(), orderCancelled(), orderCancelled())
      .then(
        { type: 'sale-counted', was: 'none' },
        { type: 'sale-voided', was: 'COUNTED', day: dayInSeoul, lines },
      ));

  it('never counts an order whose cancellation came first', () =>
    given()
      .when(orderCancelled(), orderPaid())
      .then({ type: 'sale-voided', orderId: 10, was: 'none', day: dayInSeoul, lines }));

  it('ignores the end of an order that was never paid', () =>
    given()
      .when(orderCancelled({ paidAt: null }))
      .then());

  it('ignores that end for a counted order as well: it cannot be of this order', () =>
    given(counted)
      .when(orderCancelled({ paidAt: null }))
      .then());

  it('leaves a counted order alone when it is paid again, and a void one whatever comes', () => {
    given(counted).when(orderPaid()).then();
    given(voided).when(orderPaid(), orderCancelled()).then();
  });
});

describe('the day of a sale', () => {
  it.each([
    ['UTC', '2026-02-28T23:59:59.999Z', '2026-02-28'],
    ['UTC', '2026-03-01T00:00:00.000Z', '2026-03-01'],
    ['America/New_York', '2026-03-01T04:59:59.999Z', '2026-02-28'],
    ['Asia/Kathmandu', '2026-02-28T18:15:00.000Z', '2026-03-01'],
    ['Pacific/Kiritimati', '2025-12-31T10:00:00.000Z', '2026-01-01'],
  ])('in %s of %s is %s', (timeZone, time, day) => {
    expect(salesDayIn(timeZone)(time)).toBe(day);
  });

  it('is refused for a time zone that does not exist', () => {
    expect(() => salesDayIn('Mars/Olympus')).toThrow(RangeError);
  });
});

describe('the first of the last days', () => {
  it.each([
    ['2026-03-10', 1, '2026-03-10'],
    ['2026-03-10', 3, '2026-03-08'],
    ['2026-03-01', 2, '2026-02-28'],
    ['2028-03-01', 2, '2028-02-29'],
    ['2026-01-02', 90, '2025-10-05'],
  ])('that end with %s, %d of them, is %s', (day, days, first) => {
    expect(firstDayOf(day, days)).toBe(first);
  });
});
