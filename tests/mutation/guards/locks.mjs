const RESERVE = ['services/product/src/steps/reserve-stock.int.test.ts'];
const BALANCES = ['services/user-balance/src/steps/balance-steps.int.test.ts'];
const COUPONS = ['services/coupon/src/steps/coupon-steps.int.test.ts'];
const SALES = ['services/product/src/steps/count-sales.int.test.ts'];

/**
 * Locks on rows that orders share, and the order in which they are taken.
 * @type {readonly import('../guards.mjs').Guard[]}
 */
export const LOCKS = [
  {
    name: 'lock.stocks',
    promise: 'two batches never sell the same piece',
    file: 'services/product/src/store/reservations.ts',
    text: 'ORDER BY s.product_id FOR NO KEY UPDATE OF s',
    replacement: 'ORDER BY s.product_id',
    suites: RESERVE,
  },
  {
    name: 'lock.stocks-in-order',
    promise: 'batches that share products do not wait in a circle',
    file: 'services/product/src/store/reservations.ts',
    text: 'ORDER BY s.product_id FOR NO KEY UPDATE OF s',
    replacement: 'ORDER BY s.product_id DESC FOR NO KEY UPDATE OF s',
    suites: RESERVE,
  },
  {
    name: 'lock.stocks-adjusted',
    promise: 'adjustments of stock wait for each other',
    file: 'services/product/src/store/stocks.ts',
    text: 'ORDER BY product_id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY product_id`',
    suites: ['services/product/src/http/adjust-stock.int.test.ts'],
  },
  {
    name: 'lock.balances',
    promise: 'two orders never spend the same money',
    file: 'services/user-balance/src/store/balances.ts',
    text: 'ORDER BY user_id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY user_id`',
    suites: BALANCES,
  },
  {
    name: 'lock.balances-in-order',
    promise: 'batches that share users do not wait in a circle',
    file: 'services/user-balance/src/store/balances.ts',
    text: 'ORDER BY user_id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY user_id DESC FOR NO KEY UPDATE`',
    suites: BALANCES,
  },
  {
    name: 'lock.balance-made-once',
    promise: 'a balance that two batches need first is made once (R1)',
    file: 'services/user-balance/src/store/balances.ts',
    text: '\n       ON CONFLICT (user_id) DO NOTHING`',
    replacement: '`',
    suites: BALANCES,
  },
  {
    name: 'lock.coupons',
    promise: 'two orders never use the same coupon',
    file: 'services/coupon/src/store/applications.ts',
    text: `FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE\`,
    [ids],`,
    replacement: `FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id\`,
    [ids],`,
    suites: COUPONS,
  },
  {
    name: 'lock.coupons-in-order',
    promise: 'batches that share coupons do not wait in a circle',
    file: 'services/coupon/src/store/applications.ts',
    text: `FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE\`,
    [ids],`,
    replacement: `FROM coupons WHERE id = ANY ($1::bigint[]) ORDER BY id DESC FOR NO KEY UPDATE\`,
    [ids],`,
    suites: COUPONS,
  },
  {
    name: 'lock.coupon-sources',
    promise: 'two instances do not try to give out the same place',
    file: 'services/coupon/src/store/coupons.ts',
    text: 'ORDER BY id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY id`',
    suites: ['services/coupon/src/http/coupon-race.int.test.ts'],
  },
  {
    name: 'lock.orders',
    promise: 'of a cancel and a payment at one moment the first commit wins',
    file: 'services/order/src/store/orders.ts',
    text: 'ORDER BY id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY id`',
    suites: ['services/order/src/http/cancel-order.int.test.ts'],
  },
  {
    name: 'lock.orders-in-order',
    promise: 'batches that share orders do not wait in a circle',
    file: 'services/order/src/store/orders.ts',
    text: 'ORDER BY id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY id DESC FOR NO KEY UPDATE`',
    suites: ['services/order/src/store/order-events.int.test.ts'],
  },
  {
    name: 'lock.sales',
    promise: 'of two batches that void one sale the second waits for the first',
    file: 'services/product/src/store/sales.ts',
    text: 'ORDER BY order_id FOR NO KEY UPDATE`',
    replacement: 'ORDER BY order_id`',
    suites: SALES,
  },
  {
    name: 'lock.days-in-order',
    promise: 'batches that share days do not wait in a circle',
    file: 'services/product/src/store/sales.ts',
    text: ' ORDER BY product_id, date\n',
    replacement: '\n',
    suites: SALES,
  },
  {
    name: 'lock.sales-key',
    promise: 'an order is counted in one row, whatever runs at the same time (R1)',
    file: 'services/product/prisma/migrations/20260101000000_init/migration.sql',
    text: 'CONSTRAINT sales_orders_pkey PRIMARY KEY (order_id)',
    replacement: 'CHECK (true)',
    suites: SALES,
  },
  {
    name: 'lock.sales-plain-insert',
    promise: 'a batch that lost the race for the row of a sale fails, and counts nothing (R1)',
    file: 'services/product/src/store/sales.ts',
    text: 'SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::jsonb[])`',
    replacement:
      'SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::jsonb[]) ON CONFLICT DO NOTHING`',
    suites: SALES,
  },
];
