import type { ServiceName } from '../ports.ts';
import type { Books } from './books.ts';

export interface Line {
  readonly productId: number;
  readonly quantity: number;
}

type FenceStatus = 'done' | 'rejected' | 'undone';

/** Everything the five databases say about one order. Amounts are minor units; null where there is no row. */
export interface OrderBooks {
  readonly orderId: number;
  order: {
    readonly userId: number;
    readonly status: string;
    readonly couponId: number | null;
    readonly originalAmount: bigint | null;
    readonly discountAmount: bigint | null;
    readonly totalAmount: bigint | null;
    readonly failureReason: string | null;
    readonly paidAt: Date | null;
  } | null;
  items: ReadonlyArray<Line & { readonly unitPrice: bigint | null; readonly totalPrice: bigint | null }>;
  /** How many ORDER_EVENTS rows there are of each type. */
  timeline: Readonly<Record<string, number>>;
  reservation: { readonly status: FenceStatus; readonly items: readonly Line[] | null } | null;
  application: {
    readonly status: FenceStatus;
    readonly couponId: number | null;
    readonly discountAmount: bigint | null;
    /** Whose coupon it is, and what it is worth; null without such a coupon. */
    readonly couponUserId: number | null;
    readonly couponAmount: bigint | null;
  } | null;
  charge: {
    readonly status: FenceStatus;
    readonly userId: number | null;
    readonly amount: bigint | null;
  } | null;
  records: ReadonlyArray<{ readonly type: string; readonly amount: bigint; readonly userId: number }>;
  attempt: {
    readonly status: FenceStatus;
    readonly userId: number | null;
    readonly amount: bigint | null;
  } | null;
  payments: ReadonlyArray<{ readonly kind: string; readonly amount: bigint; readonly userId: number }>;
  sale: { readonly state: string; readonly items: readonly Line[] } | null;
}

/** One table's part: its rows carry the order's id and one field of `OrderBooks`. */
interface Page {
  readonly database: ServiceName;
  readonly text: string;
  readonly put: (books: OrderBooks, row: never) => void;
}

function page<Row>(database: ServiceName, text: string, put: (books: OrderBooks, row: Row) => void): Page {
  return { database, text, put };
}

const RANGE = 'order_id > $1 AND order_id <= $2';

const PAGES: readonly Page[] = [
  page<NonNullable<OrderBooks['order']>>(
    'order',
    `SELECT id AS "orderId", user_id AS "userId", status, coupon_id AS "couponId",
            original_amount AS "originalAmount", discount_amount AS "discountAmount",
            total_amount AS "totalAmount", failure_reason AS "failureReason", paid_at AS "paidAt"
       FROM orders WHERE id > $1 AND id <= $2`,
    (books, row) => (books.order = row),
  ),
  page<OrderBooks['items'][number]>(
    'order',
    `SELECT order_id AS "orderId", product_id AS "productId", quantity, unit_price AS "unitPrice",
            total_price AS "totalPrice"
       FROM order_products WHERE ${RANGE}`,
    (books, row) => (books.items = [...books.items, row]),
  ),
  page<{ type: string; count: number }>(
    'order',
    `SELECT order_id AS "orderId", type, count(*) AS count FROM order_events WHERE ${RANGE} GROUP BY 1, 2`,
    (books, { type, count }) => (books.timeline = { ...books.timeline, [type]: count }),
  ),
  page<NonNullable<OrderBooks['reservation']>>(
    'product',
    `SELECT order_id AS "orderId", status, items FROM stock_reservations WHERE ${RANGE}`,
    (books, row) => (books.reservation = row),
  ),
  page<NonNullable<OrderBooks['sale']>>(
    'product',
    `SELECT order_id AS "orderId", state, items FROM sales_orders WHERE ${RANGE}`,
    (books, row) => (books.sale = row),
  ),
  page<NonNullable<OrderBooks['application']>>(
    'coupon',
    `SELECT a.order_id AS "orderId", a.status, a.coupon_id AS "couponId", a.discount_amount AS "discountAmount",
            c.user_id AS "couponUserId", c.discount_amount AS "couponAmount"
       FROM coupon_applications a LEFT JOIN coupons c ON c.id = a.coupon_id WHERE ${RANGE}`,
    (books, row) => (books.application = row),
  ),
  page<NonNullable<OrderBooks['charge']>>(
    'user-balance',
    `SELECT order_id AS "orderId", status, user_id AS "userId", amount FROM order_charges WHERE ${RANGE}`,
    (books, row) => (books.charge = row),
  ),
  page<OrderBooks['records'][number]>(
    'user-balance',
    `SELECT r.order_id AS "orderId", r.type, r.amount, b.user_id AS "userId"
       FROM balance_records r JOIN balances b ON b.id = r.balance_id WHERE ${RANGE}`,
    (books, row) => (books.records = [...books.records, row]),
  ),
  page<NonNullable<OrderBooks['attempt']>>(
    'payment',
    `SELECT order_id AS "orderId", status, user_id AS "userId", amount FROM payment_attempts WHERE ${RANGE}`,
    (books, row) => (books.attempt = row),
  ),
  page<OrderBooks['payments'][number]>(
    'payment',
    `SELECT order_id AS "orderId", kind, amount, user_id AS "userId" FROM payments WHERE ${RANGE}`,
    (books, row) => (books.payments = [...books.payments, row]),
  ),
];

function blank(orderId: number): OrderBooks {
  return {
    orderId,
    order: null,
    items: [],
    timeline: {},
    reservation: null,
    application: null,
    charge: null,
    records: [],
    attempt: null,
    payments: [],
    sale: null,
  };
}

async function readRange(books: Books, after: number, upTo: string): Promise<OrderBooks[]> {
  const orders = new Map<number, OrderBooks>();
  await Promise.all(
    PAGES.map(async ({ database, text, put }) => {
      const rows = await books.query<{ orderId: number }>(database, text, [after, upTo]);
      for (const { orderId, ...row } of rows) {
        const order = orders.get(orderId) ?? blank(orderId);
        orders.set(orderId, order);
        put(order, row as never);
      }
    }),
  );
  return [...orders.values()];
}

/** What five databases say about 5,000 orders is some 15 MB: a million of them never stand in memory at once. */
const ORDERS_A_PAGE = 5000;
const BEYOND_EVERY_ID = '9223372036854775807';

/**
 * Every order that any of the five databases knows, in pages by order id. The last page runs to the end of all ids,
 * so that rows of an order that was never accepted are found as well.
 */
export async function* readOrders(books: Books): AsyncGenerator<readonly OrderBooks[]> {
  let after = 0;
  for (;;) {
    const ids = await books.query<{ id: number }>(
      'order',
      'SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT $2',
      [after, ORDERS_A_PAGE],
    );
    const last = ids.length < ORDERS_A_PAGE ? undefined : ids.at(-1)?.id;
    yield await readRange(books, after, last === undefined ? BEYOND_EVERY_ID : String(last));
    if (last === undefined) return;
    after = last;
  }
}
