import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '@orderflow/local/databases';
import { createLogger } from '@orderflow/service-runtime/logger';
import { migrate } from '@orderflow/service-runtime/migrations';
import { encodeData } from '@orderflow/shared-events/contract';
import { OrderCreated } from '@orderflow/shared-events/order';
import type { ShopSize } from '../arm.ts';
import { queryAt } from '../arms/ours-shop.ts';
import type { StartedBackends } from '../backends.ts';
import type { Report } from './at-rest.ts';

export interface Backlog {
  /** The checkout: the order service's migrations are read from it. */
  readonly root: string;
  readonly orders: number;
  /** Of each order, each with a product of its own; at most as many as there are products. */
  readonly lines: number;
  readonly shop: Pick<ShopSize, 'users' | 'products'>;
}

/** Rows of one statement, so that progress can be told. */
const SLICE = 100_000;
/** As many as the intake commits at most; one outbox row each. */
const EVENTS_A_ROW = 500;
/** Templates are made again before their orders are older than the longest deadline that can be set, 30 days. */
const MAX_AGE_MS = 20 * 24 * 60 * 60 * 1000;

/**
 * Promises a database that the order service may begin with: orders that were accepted, with their events, but not
 * published. Their outbox rows lie in the far future, where no relay claims them, until `releaseBacklog`. It is made
 * once and kept in the bench's server; a million orders take some minutes.
 * @returns its name
 * @throws Error of the server, for one when the product runs: its database `order` is used for the building
 */
export async function ensureBacklog(
  backends: StartedBackends,
  backlog: Backlog,
  report: Report,
): Promise<string> {
  const { admin } = backends;
  const name = `backlog_${backlog.orders}`;
  const fingerprint = fingerprintOf(backlog);
  const { rows } = await admin.query<{ comment: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [name],
  );
  const [madeOf, madeAt] = rows[0]?.comment?.split(' ') ?? [];
  if (madeOf === fingerprint && Date.now() - Number(madeAt) < MAX_AGE_MS) return name;
  await admin.query(`DROP DATABASE IF EXISTS ${name}`);
  await admin.query(`DROP DATABASE IF EXISTS "order" WITH (FORCE)`);
  const { ownerUrl } = await createDatabase(backends.postgresUrl, 'order');
  const logger = createLogger({ service: 'bench', level: 'warn' });
  await migrate({ url: ownerUrl, directory: migrationsOf(backlog.root), logger });
  const url = new URL(backends.postgresUrl);
  url.pathname = '/order';
  await fill(url.href, backlog, report);
  await admin.query(`ALTER DATABASE "order" RENAME TO ${name}`);
  await admin.query(`COMMENT ON DATABASE ${name} IS '${fingerprint} ${Date.now()}'`);
  return name;
}

/** Lets the relay have all that waits. */
export async function releaseBacklog(orderUrl: string): Promise<void> {
  await queryAt(
    orderUrl,
    `UPDATE outbox SET created_at = now() - interval '1 minute' WHERE created_at = 'infinity'`,
  );
}

const migrationsOf = (root: string) => join(root, 'services', 'order', 'prisma', 'migrations');

/** Of everything a template is made from. */
function fingerprintOf({ root, orders, lines, shop }: Backlog): string {
  const made = JSON.stringify([orders, shop.users, shop.products, snapshotSql(lines, shop.products)]);
  const hash = createHash('sha256').update(made);
  const files = readdirSync(migrationsOf(root), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((file) => file.endsWith('.sql')).sort())
    hash.update(file).update(readFileSync(join(migrationsOf(root), file)));
  return hash.digest('hex').slice(0, 16);
}

/** Numbers that stand for an order's own in the text of its first event; its lines count up from the product's. */
const STAND_IN = { orderId: 1_000_001, userId: 1_000_002, productId: 2_000_000 };

/** The product of the n-th line of an order whose first has product p, both from 0, as SQL. */
const productSql = (line: number | 'n', products: number) => `((p + ${line}) % ${products} + 1)`;

/** The event's data as the product writes them, as an SQL expression over order i of user u with first product p. */
export function snapshotSql(lines: number, products: number): string {
  const numbers = Array.from({ length: lines }, (_, line) => line);
  const text = encodeData(OrderCreated, {
    orderId: STAND_IN.orderId,
    userId: STAND_IN.userId,
    couponId: null,
    items: numbers.map((line) => ({
      productId: STAND_IN.productId + line,
      quantity: 1,
      expectedUnitPrice: null,
      unitPrice: null,
      totalPrice: null,
    })),
    originalAmount: null,
    discountAmount: null,
    totalAmount: null,
  });
  return numbers.reduce(
    (sql, line) => sql.replace(`${STAND_IN.productId + line}`, `' || ${productSql(line, products)} || '`),
    `'${text}'`.replace(`${STAND_IN.orderId}`, `' || i || '`).replace(`${STAND_IN.userId}`, `' || u || '`),
  );
}

async function fill(url: string, backlog: Backlog, report: Report): Promise<void> {
  const { orders } = backlog;
  for (let from = 1; from <= orders; from += SLICE) {
    const to = Math.min(orders, from + SLICE - 1);
    await queryAt(url, sliceSql(from, to, backlog));
    report(`backlog: ${to} of ${orders} orders are laid out`);
  }
  await queryAt(
    url,
    `INSERT INTO outbox (event_ids, created_at)
     SELECT array_agg(id ORDER BY id), 'infinity' FROM order_events
      GROUP BY (order_id - 1) / ${EVENTS_A_ROW} ORDER BY min(id)`,
  );
  await queryAt(url, `SELECT setval(pg_get_serial_sequence('orders', 'id'), ${orders})`);
  await queryAt(url, 'VACUUM (ANALYZE)');
}

function sliceSql(from: number, to: number, { lines, shop: { users, products } }: Backlog): string {
  const drafts = `
    (SELECT i, (i - 1) % ${users} + 1 AS u, i - 1 AS p, date_trunc('milliseconds', now()) AS t
       FROM generate_series(${from}, ${to}) i) drafts`;
  return `
    INSERT INTO orders (id, user_id, created_at, updated_at) SELECT i, u, t, t FROM ${drafts};
    INSERT INTO order_products (order_id, product_id, quantity)
      SELECT i, ${productSql('n', products)}, 1 FROM ${drafts}, generate_series(0, ${lines - 1}) n;
    INSERT INTO order_events (order_id, type, topic, snapshot, created_at)
      SELECT i, 'ORDER_CREATED', '${OrderCreated.topic}', ${snapshotSql(lines, products)}, t FROM ${drafts} ORDER BY i;`;
}
