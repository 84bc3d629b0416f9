/** The four participants of the saga: their fence, where it is decided on and stored, and who tests that. */
const PARTS = [
  {
    name: 'product',
    forward: 'reservation',
    undo: 'release',
    store: 'reservations',
    insert: '$1::bigint[], $2::text[], $3::jsonb[]',
    own: ["fence?.status === 'done' ? fence.lines : []", 'data.items'],
    sorted: '(a, b) => a.data.orderId - b.data.orderId',
    steps: ['reserve-stock', 'release-stock'],
    fence: 'stock_reservations',
  },
  {
    name: 'coupon',
    forward: 'application',
    undo: 'restoration',
    store: 'applications',
    insert: '$1::bigint[], $2::bigint[], $3::text[], $4::numeric[], $5::text[]',
    own: ["fence?.status === 'done' ? fence.couponId : null", 'data.couponId'],
    sorted: 'byOrder',
    steps: ['coupon-steps'],
    fence: 'coupon_applications',
  },
  {
    name: 'user-balance',
    forward: 'charge',
    undo: 'refund',
    store: 'charges',
    insert: '$1::bigint[], $2::text[], $3::bigint[], $4::numeric[]',
    own: [
      '{ userId: fence.userId, amount: fence.amount }',
      '{ userId: data.userId, amount: data.totalAmount }',
    ],
    sorted: '(a, b) => a.data.orderId - b.data.orderId',
    steps: ['balance-steps'],
    fence: 'order_charges',
  },
  {
    name: 'payment',
    forward: 'payment',
    undo: 'refund',
    store: 'attempts',
    insert: '$1::bigint[], $2::text[], $3::bigint[], $4::numeric[]',
    own: [
      '{ userId: fence.userId, amount: fence.amount }',
      '{ userId: data.userId, amount: data.totalAmount }',
    ],
    sorted: '(a, b) => a.data.orderId - b.data.orderId',
    steps: ['payment-steps'],
    fence: 'payment_attempts',
  },
];

const UNDO_ROW = 'WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id FOR NO KEY UPDATE`';

/** @returns {import('../guards.mjs').Guard[]} */
function guardsOf({ name, forward, undo, store, insert, own, sorted, steps, fence }) {
  const src = `services/${name}/src`;
  const decisions = [`${src}/domain/${forward}.unit.test.ts`];
  const undoing = [`${src}/domain/${undo}.unit.test.ts`];
  const onPostgres = steps.map((step) => `${src}/steps/${step}.int.test.ts`);
  const sql = { file: `${src}/store/${store}.ts`, suites: onPostgres };
  const races = { ...sql, suites: [`${src}/steps/fence.int.test.ts`] };
  return [
    {
      name: `${name}.fence-decides`,
      promise: 'an order that has a row already is not done again',
      file: `${src}/domain/${forward}.ts`,
      text: 'if (state.fences.has(data.orderId)) return [];',
      replacement: '',
      suites: decisions,
    },
    {
      ...sql,
      name: `${name}.fence-read`,
      promise: 'the forward step reads the rows of its orders',
      text: `FROM ${fence} WHERE order_id = ANY ($1::bigint[])\``,
      replacement: `FROM ${fence} WHERE order_id = ANY ($1::bigint[]) AND false\``,
    },
    {
      ...sql,
      name: `${name}.fence-read-undo`,
      promise: 'the undo step reads the rows of its orders',
      text: `FROM ${fence} ${UNDO_ROW}`,
      replacement: `FROM ${fence} WHERE order_id = ANY ($1::bigint[]) AND false ORDER BY order_id FOR NO KEY UPDATE\``,
    },
    {
      ...races,
      name: `${name}.fence-lock`,
      promise: 'of two batches that undo one order the second waits for the first',
      text: `FROM ${fence} ${UNDO_ROW}`,
      replacement: `FROM ${fence} WHERE order_id = ANY ($1::bigint[]) ORDER BY order_id\``,
    },
    {
      ...races,
      name: `${name}.fence-key`,
      promise: 'an order has one row, whatever runs at the same time',
      file: `services/${name}/prisma/migrations/20260101000000_init/migration.sql`,
      text: `CONSTRAINT ${fence}_pkey PRIMARY KEY (order_id)`,
      replacement: 'CHECK (true)',
    },
    {
      ...races,
      name: `${name}.plain-insert`,
      promise: 'a forward step that lost the race for the row fails, and takes nothing (R1)',
      text: `SELECT * FROM unnest(${insert})\``,
      replacement: `SELECT * FROM unnest(${insert}) ON CONFLICT DO NOTHING\``,
    },
    {
      ...races,
      name: `${name}.plain-tombstone`,
      promise: 'an undo step that lost the race for the row fails, and does not answer (R1)',
      text: `SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)\``,
      replacement: `SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)
     ON CONFLICT DO NOTHING\``,
    },
    {
      ...races,
      name: `${name}.in-order`,
      promise: 'batches with the same orders do not wait in a circle, forward',
      text: `facts.toSorted(${sorted})`,
      replacement: '[...facts]',
    },
    {
      ...races,
      name: `${name}.in-order-undo`,
      promise: 'batches with the same orders do not wait in a circle, undoing',
      text: '.filter(({ orderId }) => tombstones.has(orderId)).sort((a, b) => a.orderId - b.orderId);',
      replacement: '.filter(({ orderId }) => tombstones.has(orderId));',
    },
    {
      ...sql,
      name: `${name}.tombstone`,
      promise: 'what is undone before it was done leaves a row that keeps it from being done',
      text: 'const added = last.filter(({ orderId }) => tombstones.has(orderId))',
      replacement: 'const added = last.filter(() => false)',
    },
    {
      ...sql,
      name: `${name}.attempt-kept`,
      promise: 'the row remembers the last attempt that was answered',
      text: `SET status = 'undone', attempt = u.attempt`,
      replacement: `SET status = 'undone'`,
    },
    {
      name: `${name}.own-row`,
      promise: 'what is given back is what the own row holds, never what the event says',
      file: `${src}/domain/${undo}.ts`,
      text: own[0],
      replacement: own[1],
      suites: undoing,
    },
  ];
}

const decision = (service, name, promise, file, text, replacement) => ({
  name: `${service}.${name}`,
  promise,
  file: `services/${service}/src/domain/${file}.ts`,
  text,
  replacement,
  suites: [`services/${service}/src/domain/${file}.unit.test.ts`],
});

/** What there is, is there once; also for the orders of one batch. */
const SHARED_OUT = [
  decision(
    'product',
    'enough',
    'nothing is sold that is not there',
    'reservation',
    "return product.quantity < line.quantity ? 'OUT_OF_STOCK' : undefined;",
    'return undefined;',
  ),
  decision(
    'product',
    'enough-in-batch',
    'nothing is sold twice in one batch',
    'reservation',
    'if (product) state.products.set(productId, { ...product, quantity: product.quantity - quantity });',
    '',
  ),
  decision(
    'coupon',
    'used-once',
    'a used coupon is not used again',
    'application',
    "if (coupon.used) return [rejected(data, 'ALREADY_USED')];",
    '',
  ),
  decision(
    'coupon',
    'used-once-in-batch',
    'a coupon is not used twice in one batch',
    'application',
    'if (data.couponId !== null && coupon) state.coupons.set(data.couponId, { ...coupon, used: true });',
    '',
  ),
  decision(
    'user-balance',
    'enough',
    'nobody spends what they do not have',
    'charge',
    'if (balance < data.totalAmount) {',
    'if (balance < 0n) {',
  ),
  decision(
    'user-balance',
    'enough-in-batch',
    'nobody spends money twice in one batch',
    'charge',
    'state.balances.set(userId, (state.balances.get(userId) ?? 0n) - totalAmount);',
    '',
  ),
];

const UNDO_TESTS = [
  'services/product/src/domain/release.unit.test.ts',
  'services/coupon/src/domain/restoration.unit.test.ts',
];
const undo = (name, promise, text, replacement) => ({
  name: `undo.${name}`,
  promise,
  file: 'packages/shared-events/src/undo.ts',
  text,
  replacement,
  suites: UNDO_TESTS,
});

const ANSWER = '{ orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt };';

/** @type {readonly import('../guards.mjs').Guard[]} */
export const PARTICIPANTS = [
  ...PARTS.flatMap(guardsOf),
  ...SHARED_OUT,
  undo(
    'named',
    'who is not named in order-cancelling does nothing (R6)',
    'if (!event.compensate.includes(participant)) return null;',
    '',
  ),
  undo(
    'answered-once',
    'an attempt is answered once',
    'event.attempt > row.attempt',
    'event.attempt >= row.attempt',
  ),
  undo(
    'nudge-answered',
    'a higher attempt is answered although all is undone (R2)',
    "return event.attempt > row.attempt ? 'undone' : null;",
    'return null;',
  ),
  undo(
    'refund-without-charge',
    'a refund of what was never charged is a fault, no tombstone (R11)',
    "if (event.paidAt !== null && was !== 'done') {",
    'if (event.orderId < 0) {',
  ),
  undo(
    'attempt-copied',
    'an answer names the attempt that it answers (R2)',
    `return ${ANSWER}`,
    `return ${ANSWER.replace('attempt };', 'attempt: 0 };')}`,
  ),
];
