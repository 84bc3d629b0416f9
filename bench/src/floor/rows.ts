import { join } from 'node:path';
import { createDatabase } from '@orderflow/local/databases';
import { SERVICE_NAMES, type ServiceName } from '@orderflow/local/ports';
import { databaseName } from '@orderflow/local/services';
import { ROOT } from '@orderflow/local/settings';
import { createPool, transaction } from '@orderflow/messaging/postgres';
import { createLogger } from '@orderflow/service-runtime/logger';
import { migrate } from '@orderflow/service-runtime/migrations';
import type pg from 'pg';
import { queryAt } from '../arms/ours-shop.ts';
import type { StartedBackends } from '../backends.ts';
import { trailOf, type TrailOrder } from './order-trail.ts';

/** The five services' tables in databases of the floor's own, migrated as theirs are. */
export interface FloorTables {
  /** One commit a service, as many statements in it as tables. */
  insert(orders: readonly TrailOrder[]): Promise<void>;
  drop(): Promise<void>;
}

/** An order and what its events say of it. */
interface Trail extends TrailOrder {
  readonly values: ReadonlyMap<string, string>;
}

type Value = number | string;
/** A statement and its columns: a value or some of each order. */
type Insert = readonly [text: string, ...columns: readonly ((order: Trail) => Value | readonly Value[])[]];

const id = ({ orderId }: TrailOrder) => orderId;
const user = ({ userId }: TrailOrder) => userId;
const product = ({ productId }: TrailOrder) => productId;
const lines = ({ productId }: TrailOrder) => JSON.stringify([{ productId, quantity: 1 }]);
/** What the order service answers, and keeps for the idempotency key. */
export const answer = ({ orderId, userId, productId }: TrailOrder) =>
  JSON.stringify({
    id: orderId,
    userId,
    status: 'CREATED',
    couponId: null,
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
    failureReason: null,
    items: [{ productId, quantity: 1, unitPrice: null, totalPrice: null }],
    createdAt: '2026-03-01T12:00:00.000Z',
    updatedAt: '2026-03-01T12:00:00.000Z',
    paidAt: null,
  });

/** Stages of an order with the topics whose events say the same: that it was paid for is no stage. */
const TIMELINE = [
  ['ORDER_CREATED', 'order-created'],
  ['STOCK_RESERVED', 'stock-reserved'],
  ['COUPON_APPLIED', 'coupon-applied'],
  ['BALANCE_CHARGED', 'balance-charged'],
  ['ORDER_PAID', 'order-paid'],
] as const;

/** What an order has left behind when it is paid, in its last state: no update, no lock, no outbox. */
const INSERTS: Readonly<Record<ServiceName, readonly Insert[]>> = {
  order: [
    [
      `INSERT INTO orders (id, user_id, status, original_amount, discount_amount, total_amount, paid_at)
       SELECT id, user_id, 'PAID', 10, 0, 10, now() FROM unnest($1::bigint[], $2::bigint[]) o (id, user_id)`,
      id,
      user,
    ],
    [
      `INSERT INTO order_products (order_id, product_id, quantity, unit_price, total_price)
       SELECT id, product_id, 1, 10, 10 FROM unnest($1::bigint[], $2::bigint[]) o (id, product_id)`,
      id,
      product,
    ],
    [
      `INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer)
       SELECT user_id, 'POST /v1/orders', key, repeat('f', 64), 202, answer
         FROM unnest($1::bigint[], $2::text[], $3::text[]) o (user_id, key, answer)`,
      user,
      ({ orderId }) => `floor-${orderId}`,
      answer,
    ],
    [
      `INSERT INTO order_events (order_id, type, topic, snapshot)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])`,
      ({ orderId }) => TIMELINE.map(() => orderId),
      () => TIMELINE.map(([type]) => type),
      () => TIMELINE.map(([, topic]) => topic),
      ({ values }) => TIMELINE.map(([, topic]) => values.get(topic) ?? ''),
    ],
  ],
  product: [
    [
      `INSERT INTO stock_reservations (order_id, status, items)
       SELECT id, 'done', items FROM unnest($1::bigint[], $2::jsonb[]) o (id, items)`,
      id,
      lines,
    ],
    [
      `INSERT INTO sales_orders (order_id, state, day, items)
       SELECT id, 'COUNTED', '2026-03-01', items FROM unnest($1::bigint[], $2::jsonb[]) o (id, items)`,
      id,
      lines,
    ],
  ],
  coupon: [
    [
      `INSERT INTO coupon_applications (order_id, status, discount_amount)
       SELECT id, 'done', 0 FROM unnest($1::bigint[]) id`,
      id,
    ],
  ],
  'user-balance': [
    [
      `INSERT INTO order_charges (order_id, status, user_id, amount)
       SELECT id, 'done', user_id, 10 FROM unnest($1::bigint[], $2::bigint[]) o (id, user_id)`,
      id,
      user,
    ],
    [
      `INSERT INTO balance_records (balance_id, type, amount, order_id)
       SELECT user_id, 'CHARGE', 10, id FROM unnest($1::bigint[], $2::bigint[]) o (id, user_id)`,
      id,
      user,
    ],
  ],
  payment: [
    [
      `INSERT INTO payment_attempts (order_id, status, user_id, amount)
       SELECT id, 'done', user_id, 10 FROM unnest($1::bigint[], $2::bigint[]) o (id, user_id)`,
      id,
      user,
    ],
    [
      `INSERT INTO payments (user_id, order_id, amount, kind)
       SELECT user_id, id, 10, 'PAYMENT' FROM unnest($1::bigint[], $2::bigint[]) o (id, user_id)`,
      id,
      user,
    ],
  ],
};

/** User i has balance i. */
const USERS = (count: number) => `
  INSERT INTO users (name) SELECT 'User' FROM generate_series(1, ${count});
  INSERT INTO balances (user_id) SELECT id FROM users ORDER BY id;`;

/** Makes the tables anew, beside those of any arm. */
export async function createTables(
  { postgresUrl, admin }: StartedBackends,
  users: number,
): Promise<FloorTables> {
  const logger = createLogger({ service: 'bench', level: 'warn' });
  const pools = new Map<ServiceName, pg.Pool>();
  const dropAll = async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()));
    for (const service of SERVICE_NAMES)
      await admin.query(`DROP DATABASE IF EXISTS ${nameOf(service)} WITH (FORCE)`);
  };
  await dropAll();
  for (const service of SERVICE_NAMES) {
    const { ownerUrl, appUrl } = await createDatabase(postgresUrl, nameOf(service));
    const directory = join(ROOT, 'services', service, 'prisma', 'migrations');
    await migrate({ url: ownerUrl, directory, logger });
    if (service === 'user-balance') await queryAt(ownerUrl, USERS(users));
    pools.set(service, createPool({ url: appUrl, name: 'floor', max: 1 }));
  }
  return {
    async insert(orders) {
      const trails = orders.map((order) => ({
        ...order,
        values: new Map(trailOf(order).map(({ topic, value }) => [topic, value])),
      }));
      await Promise.all([...pools].map(([service, pool]) => insertInto(pool, INSERTS[service], trails)));
    },
    drop: dropAll,
  };
}

const nameOf = (service: ServiceName) => `floor_${databaseName(service)}`;

function insertInto(pool: pg.Pool, inserts: readonly Insert[], orders: readonly Trail[]): Promise<void> {
  return transaction(pool, async (tx) => {
    for (const [text, ...columns] of inserts) {
      await tx.query(
        text,
        columns.map((column) => orders.flatMap(column)),
      );
    }
  });
}
