import type { Field } from './fixture.ts';

/** Beyond every id that a test reaches. */
export const UNKNOWN_ID = 9_007_199_254_740_991;

/** What the generator must know of a route beyond the contract. */
export interface WriteRoute {
  /** As in the contract: `POST /v1/users`. */
  readonly name: string;
  /** A body that would be taken, when the route takes one. */
  readonly body?: object;
  /** Fields of that body. */
  readonly fields?: readonly Field[];
  /** Where an unknown field can stand: the root and these. */
  readonly objects?: readonly string[];
  /**
   * What stands for `{id}` or `{step}`: an id that no row has; a product that is there; an order of somebody else that
   * is paid; or this text.
   */
  readonly target?: 'unknown' | 'product' | 'order' | { readonly text: string };
  /** What a request without a fault of its own is answered with; without it such a request would change something. */
  readonly refusal?: string;
  /** What an id that no row has is answered with. */
  readonly notFound?: string;
}

const amount = (field: string, optional = false): Field => ({ field, kind: 'amount', optional });
const integer = (field: string, min: number, max: number, optional = false): Field => ({
  field,
  kind: 'integer',
  min,
  max,
  optional,
});
const text = (field: string, maxLength: number, options: Partial<Field> = {}): Field => ({
  field,
  kind: 'text',
  maxLength,
  ...options,
});

const DEAD_LETTERS = {
  body: { service: 'payment', ids: [UNKNOWN_ID], dryRun: true, reason: 'a test' },
  refusal: 'DEAD_LETTER_NOT_FOUND',
} as const;

const DEAD_LETTER_FIELDS: readonly Field[] = [
  { field: 'service', kind: 'choice' },
  { field: 'ids', kind: 'ids', optional: true },
  { field: 'ids/0', kind: 'id' },
  text('reason', 200),
];

/** Every route that writes. A test compares the list with the contract. */
export const WRITE_ROUTES: readonly WriteRoute[] = [
  {
    name: 'POST /v1/auth/token',
    body: { userId: 1, roles: ['operator'] },
    fields: [
      { field: 'userId', kind: 'id' },
      { field: 'roles', kind: 'roles', optional: true },
      { field: 'roles/0', kind: 'choice' },
    ],
  },
  { name: 'POST /v1/users', body: { name: 'Ada' }, fields: [text('name', 50)] },
  { name: 'POST /v1/balance/top-ups', body: { amount: '10.00' }, fields: [amount('amount')] },
  {
    name: 'POST /v1/products',
    body: { name: 'Tea', description: '', price: '10.00', quantity: 1 },
    fields: [
      text('name', 100),
      text('description', 10_000, { empty: true }),
      amount('price'),
      integer('quantity', 0, 1_000_000_000),
    ],
  },
  {
    name: 'PATCH /v1/products/{id}',
    body: { name: 'Coffee', description: 'black', price: '11.00', status: 'SUSPENDED' },
    fields: [
      text('name', 100, { optional: true }),
      text('description', 10_000, { empty: true, optional: true }),
      amount('price', true),
      { field: 'status', kind: 'choice', optional: true },
    ],
    target: 'product',
    notFound: 'PRODUCT_NOT_FOUND',
  },
  {
    name: 'POST /v1/products/{id}/stock-adjustments',
    body: { delta: 1 },
    fields: [integer('delta', -1_000_000_000, 1_000_000_000)],
    target: 'product',
    notFound: 'PRODUCT_NOT_FOUND',
  },
  {
    name: 'POST /v1/coupon-sources',
    body: { name: 'Welcome', discountAmount: '3.00', quantity: 1 },
    fields: [text('name', 15), amount('discountAmount'), integer('quantity', 1, 1_000_000_000)],
  },
  {
    name: 'POST /v1/coupon-sources/{id}/coupons',
    target: 'unknown',
    refusal: 'COUPON_SOURCE_NOT_FOUND',
    notFound: 'COUPON_SOURCE_NOT_FOUND',
  },
  {
    name: 'POST /v1/orders',
    body: {
      items: [
        { productId: 1, quantity: 1, unitPrice: '10.00' },
        { productId: 2, quantity: 1 },
      ],
      couponId: 1,
    },
    fields: [
      { field: 'items', kind: 'list' },
      { field: 'items/0/productId', kind: 'id' },
      integer('items/0/quantity', 1, 1000),
      amount('items/0/unitPrice', true),
      { field: 'items/1/productId', kind: 'id' },
      { field: 'couponId', kind: 'id', optional: true },
    ],
    objects: ['items/0'],
  },
  {
    name: 'POST /v1/orders/{id}/cancel',
    target: 'order',
    refusal: 'ORDER_NOT_FOUND',
    notFound: 'ORDER_NOT_FOUND',
  },
  {
    name: 'POST /v1/ops/orders/{id}/nudge',
    target: 'order',
    refusal: 'NOT_CANCELLING',
    notFound: 'ORDER_NOT_FOUND',
  },
  {
    name: 'POST /v1/ops/dead-letters/replay',
    ...DEAD_LETTERS,
    fields: [...DEAD_LETTER_FIELDS, integer('ratePerSecond', 1, 1000, true)],
  },
  { name: 'POST /v1/ops/dead-letters/discard', ...DEAD_LETTERS, fields: DEAD_LETTER_FIELDS },
  {
    name: 'POST /v1/ops/steps/{step}/resume',
    target: { text: 'nobody.rests' },
    refusal: 'STEP_NOT_FOUND',
    notFound: 'STEP_NOT_FOUND',
  },
];
