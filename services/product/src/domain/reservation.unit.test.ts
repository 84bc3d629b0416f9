import { describe, it } from '@jest/globals';
import { OrderCreated as orderCreatedContract, type OrderCreated } from '@orderflow/shared-events/order';
import type { Reason } from '@orderflow/shared-events/order-so-far';
import { anOrder, received } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import type { Fence, Line } from './fence.ts';
import {
  decideReservation,
  withReservation,
  type ReservationState,
  type StockedProduct,
} from './reservation.ts';

type Row = { product: [number, StockedProduct] } | { fence: [number, Fence] };
type Item = OrderCreated['data']['items'][number];

const given = specification({
  decide: decideReservation,
  evolve: withReservation,
  initial: (rows: readonly Row[]): ReservationState => ({
    products: new Map(rows.flatMap((row) => ('product' in row ? [row.product] : []))),
    fences: new Map(rows.flatMap((row) => ('fence' in row ? [row.fence] : []))),
  }),
});

const product = (
  id: number,
  { price = 500n, quantity = 10, status = 'ON_SALE' }: Partial<StockedProduct> = {},
): Row => ({
  product: [id, { price, quantity, status }],
});

const fence = (orderId: number, row: Fence): Row => ({ fence: [orderId, row] });

const item = (productId: number, quantity = 1, expectedUnitPrice: bigint | null = null): Item => ({
  productId,
  quantity,
  expectedUnitPrice,
  unitPrice: null,
  totalPrice: null,
});

const unpriced = { originalAmount: null, discountAmount: null, totalAmount: null };

const orderCreated = (orderId: number, ...items: Item[]): OrderCreated =>
  received(orderCreatedContract, { ...anOrder({ orderId }), ...unpriced, items });

const stockReserved = (orderId: number, lines?: readonly Line[]) => ({
  type: 'stock.reserved' as const,
  data: { orderId },
  ...(lines ? { lines } : {}),
});

const stockRejected = (orderId: number, reason: Reason) => ({
  type: 'stock.rejected' as const,
  data: { orderId, reason },
});

describe('product.reserve', () => {
  it('prices every line and takes all of them', () =>
    given(product(1, { price: 250n }), product(2, { price: 999_999_999n, quantity: 1000 }))
      .when(orderCreated(10, item(2, 1000), item(1, 3, 250n)))
      .then({
        type: 'stock.reserved',
        data: {
          ...anOrder({ orderId: 10 }),
          items: [
            {
              productId: 2,
              quantity: 1000,
              expectedUnitPrice: null,
              unitPrice: 999_999_999n,
              totalPrice: 999_999_999_000n,
            },
            { productId: 1, quantity: 3, expectedUnitPrice: 250n, unitPrice: 250n, totalPrice: 750n },
          ],
          originalAmount: 999_999_999_750n,
          discountAmount: null,
          totalAmount: null,
        },
        lines: [
          { productId: 1, quantity: 3 },
          { productId: 2, quantity: 1000 },
        ],
      }));

  it('sells the last piece', () =>
    given(product(1, { quantity: 2 }))
      .when(orderCreated(10, item(1, 2)))
      .then(stockReserved(10)));

  it('refuses what is not in stock', () =>
    given(product(1, { quantity: 2 }))
      .when(orderCreated(10, item(1, 3)))
      .then(stockRejected(10, 'OUT_OF_STOCK')));

  it('takes nothing when one line fails: the next order of the batch finds all of it', () =>
    given(product(1, { quantity: 2 }), product(2, { quantity: 0 }))
      .when(orderCreated(10, item(1, 2), item(2)), orderCreated(11, item(1, 2)))
      .then(stockRejected(10, 'OUT_OF_STOCK'), stockReserved(11)));

  it('refuses an order whose stock an earlier order of the same batch took', () =>
    given(product(1, { quantity: 3 }))
      .when(orderCreated(10, item(1, 2)), orderCreated(11, item(1, 2)), orderCreated(12, item(1)))
      .then(stockReserved(10), stockRejected(11, 'OUT_OF_STOCK'), stockReserved(12)));

  it('sums a product that stands in two lines', () =>
    given(product(1, { quantity: 3 }))
      .when(orderCreated(10, item(1, 2), item(1, 2)), orderCreated(11, item(1, 1), item(1, 2)))
      .then(stockRejected(10, 'OUT_OF_STOCK'), stockReserved(11, [{ productId: 1, quantity: 3 }])));

  it('refuses a product that does not exist', () =>
    given()
      .when(orderCreated(10, item(1)))
      .then(stockRejected(10, 'PRODUCT_NOT_FOUND')));

  it('refuses a product that is not on sale', () =>
    given(product(1, { status: 'SUSPENDED' }))
      .when(orderCreated(10, item(1)))
      .then(stockRejected(10, 'PRODUCT_NOT_ON_SALE')));

  it('refuses a price other than the one the client saw', () =>
    given(product(1, { price: 500n }))
      .when(orderCreated(10, item(1, 1, 499n)))
      .then(stockRejected(10, 'PRICE_CHANGED')));

  it('looks at the price of every line of a product', () =>
    given(product(1, { price: 500n }))
      .when(orderCreated(10, item(1, 1, 500n), item(1, 1, 499n)))
      .then(stockRejected(10, 'PRICE_CHANGED')));

  it('lets the lowest product id decide when several lines fail', () =>
    given(product(2, { quantity: 0 }), product(3, { status: 'SUSPENDED' }))
      .when(orderCreated(10, item(3), item(9), item(2)))
      .then(stockRejected(10, 'OUT_OF_STOCK')));

  it('names not on sale before a changed price, and that before the stock', () =>
    given(product(1, { status: 'SUSPENDED', quantity: 0 }), product(2, { quantity: 0 }))
      .when(orderCreated(10, item(1, 1, 499n)), orderCreated(11, item(2, 1, 499n)))
      .then(stockRejected(10, 'PRODUCT_NOT_ON_SALE'), stockRejected(11, 'PRICE_CHANGED')));

  it('does nothing for an order it has answered, or that is over', () =>
    given(
      product(1),
      fence(10, { status: 'done', attempt: 0, lines: [{ productId: 1, quantity: 1 }] }),
      fence(11, { status: 'rejected', attempt: 0 }),
      fence(12, { status: 'undone', attempt: 2 }),
    )
      .when(orderCreated(10, item(1)), orderCreated(11, item(1)), orderCreated(12, item(1)))
      .then());

  it('answers a duplicate within a batch once, reserved or rejected', () =>
    given(product(1))
      .when(
        orderCreated(10, item(1)),
        orderCreated(10, item(1)),
        orderCreated(11, item(2)),
        orderCreated(11, item(2)),
      )
      .then(stockReserved(10), stockRejected(11, 'PRODUCT_NOT_FOUND')));
});
