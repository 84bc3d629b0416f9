import { PrismaPg } from '@prisma/adapter-pg';
import { Kit } from '@orderflow/messaging/kit';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { look } from '@orderflow/operations/gauges';
import { composeOperations } from '@orderflow/operations/operations';
import { createLogger, type Logger } from '@orderflow/service-runtime/logger';
import { createMetrics, type Metrics } from '@orderflow/service-runtime/metrics';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createRedis } from '@orderflow/service-runtime/redis';
import type { Route } from '@orderflow/service-runtime/route';
import { namedMetrics, type ServiceParts } from '@orderflow/service-runtime/service-host';
import { TOPICS } from '@orderflow/shared-events/catalog';
import type { OrderConfig } from './config.ts';
import type { OrderFact } from './domain/transition.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createAwaitOrder } from './http/await-order.ts';
import { cancelOrder } from './http/cancel-order.ts';
import { createChangeChannel } from './http/change-channel.ts';
import { createOrder } from './http/create-order.ts';
import { listOrders } from './http/list-orders.ts';
import { listStuckOrders } from './http/list-stuck-orders.ts';
import { nudgeOrder } from './http/nudge-order.ts';
import { OrderFeed } from './http/order-feed.ts';
import { readOrder } from './http/read-order.ts';
import { readOrderEvents } from './http/read-order-events.ts';
import { createSagaReader, readSagaRoute } from './http/read-saga.ts';
import { streamOrder } from './http/stream-order.ts';
import { advanceOrders } from './steps/advance-orders.ts';
import { orderBooks } from './store/books.ts';
import { orderOutbox } from './store/outbox.ts';
import { createOrderReader, type OrderReader } from './store/reading.ts';
import { deadlineSweeper } from './sweepers/deadline.ts';
import { retention } from './sweepers/retention.ts';
import { sagaTotalsSweeper } from './sweepers/saga-totals.ts';

/** A run of order.advance with fewer messages is not worth waiting for: at 1 order/s pacing costs 4 ms a stage. */
const PACE_FROM = 8;

/**
 * Puts the order service together; nothing is connected before it is hosted. `onFatal` is told when only a new process
 * can help.
 */
export function composeOrder(config: OrderConfig, onFatal: (reason: string) => void): ServiceParts {
  const service = 'order';
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const metrics = createMetrics(service);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(readPool(service, config.DATABASE_URL)),
  });
  const reader = createOrderReader(prisma);
  const redis = createRedis(config.REDIS_URL, logger);
  const feed = new OrderFeed({ read: reader.changed, channel: createChangeChannel(redis, logger), logger });
  const changed = feed.changed.bind(feed);
  const kit = createKit(config, logger, metrics, changed, onFatal);
  const { write } = kit;
  const count = { open: 0 };
  const operations = composeOperations({ service, kit, config, metrics, books: orderBooks(config) });

  return {
    config,
    logger,
    metrics,
    routes: [
      createOrder(
        write,
        { intervalMs: config.INTAKE_INTERVAL_MS, maxOpen: config.ORDER_MAX_OPEN },
        count,
        createAwaitOrder(feed, config.WAITERS_MAX),
      ),
      listOrders(reader),
      readOrder(reader),
      readOrderEvents(reader),
      streamOrder(feed, config.STREAMS_MAX),
      cancelOrder(write, reader, config.REFUND_WINDOW_DAYS, changed),
      ...sagaRoutes(config, write, reader, metrics),
      ...operations.routes,
    ],
    messaging: kit,
    database: kit.pool,
    redis,
    sweepers: [
      deadlineSweeper(
        write,
        {
          deadlineMs: config.ORDER_DEADLINE_MS,
          maxAgeMs: config.ORDER_MAX_AGE_MS,
          sweepPerSecond: config.SWEEP_PER_SECOND,
        },
        count,
        changed,
      ),
      sagaTotalsSweeper(write),
      retention(write),
    ],
    close: async () => {
      feed.close();
      await Promise.all([prisma.$disconnect(), operations.close()]);
    },
  };
}

/** What operators see of the saga, in routes and in the metrics. */
function sagaRoutes(
  config: OrderConfig,
  write: WriteContext,
  reader: OrderReader,
  metrics: Metrics,
): Route[] {
  const readSaga = createSagaReader(write, config.CANCEL_DEADLINE_MS);
  const gauge = metrics.gauge('saga_orders', 'Orders by status', ['status'], () =>
    look(
      readSaga,
      ({ orders }) => {
        for (const [status, count] of Object.entries(orders)) gauge.set({ status }, count);
      },
      () => gauge.reset(),
    ),
  );
  return [readSagaRoute(readSaga), listStuckOrders(reader, config.CANCEL_DEADLINE_MS), nudgeOrder(write)];
}

function createKit(
  config: OrderConfig,
  logger: Logger,
  metrics: Metrics,
  changed: (orderIds: readonly number[]) => void,
  onFatal: (reason: string) => void,
): Kit {
  return new Kit({
    service: 'order',
    databaseUrl: config.DATABASE_URL,
    brokers: config.KAFKA_BROKERS,
    ownCodec: config.KAFKA_CODEC === 'own',
    topics: TOPICS,
    outbox: orderOutbox,
    steps: [
      {
        step: advanceOrders,
        pace: { fromMessages: PACE_FROM, intervalMs: config.ADVANCE_INTERVAL_MS, restRatio: 1 },
        committed: (facts) => changed((facts as readonly OrderFact[]).map(({ data }) => data.orderId)),
      },
    ],
    logger,
    metrics: namedMetrics(metrics),
    poisonPerMinute: config.POISON_PER_MINUTE,
    onFatal,
  });
}
