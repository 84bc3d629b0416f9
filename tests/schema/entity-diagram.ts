/**
 * The entity diagram the product started from, with its readings: `int id` is BIGINT, `decimal` DECIMAL(17,2),
 * `timestamp` TIMESTAMPTZ(6); names are in snake case; relations across services are plain ids.
 */

const ID = ['bigint'] as const;
/** `int` that is no id: a count. */
const COUNT = ['integer', 'bigint'] as const;
const DECIMAL = ['numeric(17,2)'] as const;
const TIMESTAMP = ['timestamp(6) with time zone'] as const;
const varchar = (length: number) => [`character varying(${length})`] as const;

interface Entity {
  readonly primaryKey: readonly string[];
  /** The types a column may have. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** NULL by the diagram, or, for an order's prices and amounts, until they are known. */
  readonly nullable?: readonly string[];
  /** Inside its service: `column → table`. */
  readonly references?: Readonly<Record<string, string>>;
  /** "One to one": the column that is unique besides the key. */
  readonly unique?: string;
}

/** By service, then by table. */
export const ENTITIES: Readonly<Record<string, Readonly<Record<string, Entity>>>> = {
  'user-balance': {
    users: { primaryKey: ['id'], columns: { id: ID, name: varchar(50), created_at: TIMESTAMP } },
    balances: {
      primaryKey: ['id'],
      columns: { id: ID, user_id: ID, amount: DECIMAL, created_at: TIMESTAMP, updated_at: TIMESTAMP },
      references: { user_id: 'users' },
      unique: 'user_id',
    },
    balance_records: {
      primaryKey: ['id'],
      columns: { id: ID, balance_id: ID, type: varchar(10), amount: DECIMAL, created_at: TIMESTAMP },
      references: { balance_id: 'balances' },
    },
  },
  order: {
    orders: {
      primaryKey: ['id'],
      columns: {
        id: ID,
        user_id: ID,
        status: varchar(25),
        coupon_id: ID,
        original_amount: DECIMAL,
        discount_amount: DECIMAL,
        total_amount: DECIMAL,
        created_at: TIMESTAMP,
        updated_at: TIMESTAMP,
      },
      nullable: ['coupon_id', 'original_amount', 'discount_amount', 'total_amount'],
    },
    order_products: {
      // The diagram gives it no id of its own.
      primaryKey: ['order_id', 'product_id'],
      columns: {
        order_id: ID,
        product_id: ID,
        quantity: COUNT,
        unit_price: DECIMAL,
        total_price: DECIMAL,
        created_at: TIMESTAMP,
      },
      nullable: ['unit_price', 'total_price'],
      references: { order_id: 'orders' },
    },
    order_events: {
      primaryKey: ['id'],
      columns: { id: ID, order_id: ID, type: varchar(25), snapshot: ['text'], created_at: TIMESTAMP },
      references: { order_id: 'orders' },
    },
  },
  product: {
    products: {
      primaryKey: ['id'],
      columns: {
        id: ID,
        status: varchar(15),
        name: varchar(100),
        description: ['text'],
        price: DECIMAL,
        created_at: TIMESTAMP,
        updated_at: TIMESTAMP,
      },
    },
    product_stocks: {
      primaryKey: ['product_id'],
      columns: { product_id: ID, quantity: COUNT, created_at: TIMESTAMP, updated_at: TIMESTAMP },
      references: { product_id: 'products' },
    },
    product_daily_sales: {
      // Drawn twice, one table.
      primaryKey: ['product_id', 'date'],
      columns: {
        product_id: ID,
        date: ['date'],
        quantity: COUNT,
        created_at: TIMESTAMP,
        updated_at: TIMESTAMP,
      },
      references: { product_id: 'products' },
    },
  },
  payment: {
    payments: {
      primaryKey: ['id'],
      columns: { id: ID, user_id: ID, order_id: ID, amount: DECIMAL, created_at: TIMESTAMP },
    },
  },
  coupon: {
    coupons: {
      primaryKey: ['id'],
      columns: {
        id: ID,
        user_id: ID,
        coupon_source_id: ID,
        used_at: TIMESTAMP,
        name: varchar(15),
        discount_amount: DECIMAL,
        created_at: TIMESTAMP,
        updated_at: TIMESTAMP,
      },
      nullable: ['used_at'],
      references: { coupon_source_id: 'coupon_sources' },
    },
    coupon_sources: {
      primaryKey: ['id'],
      columns: {
        id: ID,
        name: varchar(15),
        discount_amount: DECIMAL,
        quantity: COUNT,
        initial_quantity: COUNT,
        created_at: TIMESTAMP,
        updated_at: TIMESTAMP,
      },
    },
  },
};
