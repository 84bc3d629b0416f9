import { PrismaPg } from '@prisma/adapter-pg';
import { deliver } from '@orderflow/messaging/deliver';
import type { OutboxRow, WriteContext } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createTestDatabase } from '@orderflow/testing/database';
import { toDeliveries } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool } from '@orderflow/testing/watched-pool';
import request from 'supertest';
import type { OrderFact } from './domain/transition.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createAwaitOrder } from './http/await-order.ts';
import { cancelOrder } from './http/cancel-order.ts';
import type { ChangeChannel } from './http/change-channel.ts';
import { createOrder } from './http/create-order.ts';
import { listOrders } from './http/list-orders.ts';
import { listStuckOrders } from './http/list-stuck-orders.ts';
import { nudgeOrder } from './http/nudge-order.ts';
import { OrderFeed } from './http/order-feed.ts';
import { readOrderEvents } from './http/read-order-events.ts';
import { readOrder } from './http/read-order.ts';
import { streamOrder } from './http/stream-order.ts';
import { advanceOrders } from './steps/advance-orders.ts';
import { orderOutbox } from './store/outbox.ts';
import { createOrderReader } from './store/reading.ts';

/** The order service without its process: its routes and its step on a database of their own, no Kafka. */

export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const OPERATOR = 1_000_000;
export const MAX_OPEN = 100;
export const REFUND_WINDOW_DAYS = 30;
export const CANCEL_DEADLINE_MS = 60_000;

const MIGRATIONS = new URL('../prisma/migrations', import.meta.url).pathname;
export const WAITERS_MAX = 500;
export const STREAMS_MAX = 3;

/** The channel of an instance that is alone. */
export const NO_CHANNEL: ChangeChannel = {
  tell: () => undefined,
  listen: () => undefined,
  isLive: () => true,
  close: () => undefined,
};

const INTAKE = { intervalMs: 5, maxOpen: MAX_OPEN };
let keys = 0;

export interface OrderBody {
  readonly id: number;
  readonly status: string;
  readonly failureReason: string | null;
  readonly paidAt: string | null;
}

export interface TimelineRow {
  readonly id: number;
  readonly type: string;
  readonly attempt: number;
  readonly topic: string | null;
  readonly snapshot: string;
  readonly causationId: string | null;
}

/** A new key for each call. */
export function newKey(): string {
  return `key-${(keys += 1)}`;
}

export async function openOrderService({ channel = NO_CHANNEL }: { channel?: ChangeChannel } = {}) {
  const database = await createTestDatabase({ name: 'order', migrations: MIGRATIONS });
  const pool = createPool({ url: database.url, name: 'tests' });
  const owner = createPool({ url: database.ownerUrl, name: 'tests owner', max: 3 });
  const prisma = new PrismaClient({
    adapter: new PrismaPg(readPool('tests', database.url)),
    log: [{ level: 'query', emit: 'event' }],
  });
  const reads: string[] = [];
  prisma.$on('query', ({ query }) => reads.push(query));
  const reader = createOrderReader(prisma);
  /** What the relay was handed, in the order of the commits. */
  const handed: OutboxRow[] = [];
  const write: WriteContext = { pool, outbox: orderOutbox, handOver: (row) => void handed.push(row) };
  const count = { open: 0 };
  const logger = createLogger({ service: 'order', level: 'silent' });
  const feed = new OrderFeed({ read: reader.changed, channel, logger });
  const changed = feed.changed.bind(feed);
  const awaitOrder = createAwaitOrder(feed, WAITERS_MAX);
  const closing = new AbortController();
  const metrics = createMetrics('order');
  const app = createHttpApp({
    routes: [
      createOrder(write, INTAKE, count, awaitOrder),
      listOrders(reader),
      readOrder(reader),
      readOrderEvents(reader),
      streamOrder(feed, STREAMS_MAX),
      cancelOrder(write, reader, REFUND_WINDOW_DAYS, changed),
      listStuckOrders(reader, CANCEL_DEADLINE_MS),
      nudgeOrder(write),
    ],
    // The header is the user id: who may have which token is tested where tokens are checked.
    verifyToken: (user) =>
      Promise.resolve({
        userId: Number(user),
        roles: new Set(Number(user) === OPERATOR ? (['operator'] as const) : []),
        expiresAt: Number.POSITIVE_INFINITY,
      }),
    logger,
    metrics,
    checkAnswers: true,
    closing: closing.signal,
  });

  const post = (path: string, user: number) => request(app).post(path).set('Authorization', String(user));
  const place = (user: number, body: object = { items: [{ productId: 1, quantity: 1 }] }, key = newKey()) =>
    post('/v1/orders', user).set('Idempotency-Key', key).send(body);

  return {
    database,
    pool,
    owner,
    handed,
    write,
    count,
    app,
    reader,
    feed,
    changed,
    awaitOrder,
    closing,
    metrics,
    /** The statements of plain reads so far. */
    reads,
    place,
    get: (path: string, user: number) => request(app).get(path).set('Authorization', String(user)),
    cancel: (id: number | string, user: number) => post(`/v1/orders/${id}/cancel`, user),
    nudge: (id: number | string, user = OPERATOR) => post(`/v1/ops/orders/${id}/nudge`, user),

    /** Places an order of one product 1, the order of the event builders, and gives its id. */
    async placed(user = 1): Promise<number> {
      return ((await place(user)).body as OrderBody).id;
    },

    /** What the participants say, as one batch of order.advance. */
    advance: (...events: ReceivedEvent[]) =>
      deliver(
        {
          step: advanceOrders,
          pool,
          outbox: orderOutbox,
          committed: (facts) => changed((facts as readonly OrderFact[]).map(({ data }) => data.orderId)),
        },
        toDeliveries(events),
      ),

    /** The same intake before a connection pool whose COMMIT happens and is not answered, once. */
    intakeThatLosesOneCommit() {
      let isLost = false;
      const flaky = watchPool(pool, async ({ text, run }) => {
        const result = await run();
        if (text !== 'COMMIT' || isLost) return result;
        isLost = true;
        throw Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
      });
      return createOrder({ ...write, pool: flaky }, INTAKE, count, awaitOrder);
    },

    async timeline(orderId: number): Promise<TimelineRow[]> {
      const { rows } = await owner.query<TimelineRow>(
        `SELECT id, type, attempt, topic, snapshot, causation_id AS "causationId"
           FROM order_events WHERE order_id = $1 ORDER BY id`,
        [orderId],
      );
      return rows;
    },

    /** Resolves when `waiting` connections of the service wait for a lock. */
    someoneWaits: (waiting = 1) =>
      waitUntil(async () => {
        // Asked by the service's role: another's sessions show no wait event.
        const { rows } = await pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length >= waiting;
      }),

    /** Empty tables, and nothing handed over. */
    async clear(): Promise<void> {
      await owner.query('TRUNCATE orders, order_products, order_events, outbox, idempotency_keys');
      handed.length = 0;
      count.open = 0;
    },

    async close(): Promise<void> {
      feed.close();
      await Promise.all([pool.end(), owner.end(), prisma.$disconnect()]);
      await database.drop();
    },
  };
}

export type OrderService = Awaited<ReturnType<typeof openOrderService>>;
