import { PrismaPg } from '@prisma/adapter-pg';
import { Kit } from '@orderflow/messaging/kit';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createCache } from '@orderflow/service-runtime/cache';
import { composeOperations } from '@orderflow/operations/operations';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createRedis } from '@orderflow/service-runtime/redis';
import { namedMetrics, type ServiceParts } from '@orderflow/service-runtime/service-host';
import { TOPICS } from '@orderflow/shared-events/catalog';
import type { ProductConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { adjustStock } from './http/adjust-stock.ts';
import { createProduct } from './http/create-product.ts';
import { listProductDailySales } from './http/list-daily-sales.ts';
import { listPopularProducts } from './http/list-popular-products.ts';
import { listProducts } from './http/list-products.ts';
import { readProduct } from './http/read-product.ts';
import { updateProduct } from './http/update-product.ts';
import { countSales } from './steps/count-sales.ts';
import { releaseStock } from './steps/release-stock.ts';
import { reserveStock } from './steps/reserve-stock.ts';
import { productBooks } from './store/books.ts';
import { retention } from './sweepers/retention.ts';

/**
 * Puts the product service together; nothing is connected before it is hosted. `onFatal` is told when only a new process
 * can help.
 */
export function composeProduct(config: ProductConfig, onFatal: (reason: string) => void): ServiceParts {
  const service = 'product';
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const metrics = createMetrics(service);
  const named = namedMetrics(metrics);
  const redis = createRedis(config.REDIS_URL, logger);
  // Admins' changes are told at once; this is the age of what orders change: stock in lists, the ranking.
  const cache = createCache({ name: 'catalogue', redis, count: named.count.bind(named), ttlMs: 5_000 });
  const kit = new Kit({
    service,
    databaseUrl: config.DATABASE_URL,
    brokers: config.KAFKA_BROKERS,
    ownCodec: config.KAFKA_CODEC === 'own',
    topics: TOPICS,
    outbox: messageOutbox,
    steps: [
      { step: reserveStock },
      { step: releaseStock },
      {
        step: countSales(config.SALES_TIME_ZONE),
        pace: { fromMessages: 1, intervalMs: config.SALES_INTERVAL_MS, restRatio: 0 },
      },
    ],
    logger,
    metrics: named,
    poisonPerMinute: config.POISON_PER_MINUTE,
    onFatal,
  });
  const reader = new PrismaClient({
    adapter: new PrismaPg(readPool(service, config.DATABASE_URL)),
  });
  const operations = composeOperations({ service, kit, config, metrics, books: productBooks });
  return {
    config,
    logger,
    metrics,
    routes: [
      createProduct(kit.write, cache),
      listProducts(reader, cache),
      readProduct(reader),
      updateProduct(kit.write, cache),
      adjustStock(kit.write, { cache, pace: { intervalMs: 10, maxBatch: 500, maxWaiting: 10_000 } }),
      listProductDailySales(reader),
      listPopularProducts(reader, { cache, timeZone: config.SALES_TIME_ZONE }),
      ...operations.routes,
    ],
    messaging: kit,
    database: kit.pool,
    redis,
    sweepers: [retention(kit.write)],
    close: async () => void (await Promise.all([reader.$disconnect(), operations.close()])),
  };
}
