import { PrismaPg } from '@prisma/adapter-pg';
import { Kit } from '@orderflow/messaging/kit';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { composeOperations } from '@orderflow/operations/operations';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createRedis } from '@orderflow/service-runtime/redis';
import { namedMetrics, type ServiceParts } from '@orderflow/service-runtime/service-host';
import { TOPICS } from '@orderflow/shared-events/catalog';
import type { ProductConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { readProduct } from './http/read-product.ts';
import { listProducts } from './http/list-products.ts';
import { createProduct } from './http/create-product.ts';
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
        pace: { intervalMs: config.SALES_INTERVAL_MS, fromMessages: 1 },
      },
    ],
    logger,
    metrics: namedMetrics(metrics),
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
      createProduct(kit.write),
      listProducts(reader),
      readProduct(reader),
      updateProduct(kit.write),
      ...operations.routes,
    ],
    messaging: kit,
    database: kit.pool,
    redis: createRedis(config.REDIS_URL, logger),
    sweepers: [retention(kit.write)],
    close: async () => void (await Promise.all([reader.$disconnect(), operations.close()])),
  };
}
