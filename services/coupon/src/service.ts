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
import type { CouponConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { listCouponSources } from './http/list-coupon-sources.ts';
import { listCoupons } from './http/list-coupons.ts';
import { createCouponSource } from './http/create-coupon-source.ts';
import { issueCoupon } from './http/issue-coupon.ts';
import { applyCoupons } from './steps/apply-coupons.ts';
import { restoreCoupons } from './steps/restore-coupons.ts';
import { couponBooks } from './store/books.ts';
import { retention } from './sweepers/retention.ts';

/**
 * Puts the coupon service together; nothing is connected before it is hosted. `onFatal` is told when only a new process
 * can help.
 */
export function composeCoupon(config: CouponConfig, onFatal: (reason: string) => void): ServiceParts {
  const service = 'coupon';
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const metrics = createMetrics(service);
  const kit = new Kit({
    service,
    databaseUrl: config.DATABASE_URL,
    brokers: config.KAFKA_BROKERS,
    ownCodec: config.KAFKA_CODEC === 'own',
    topics: TOPICS,
    outbox: messageOutbox,
    steps: [{ step: applyCoupons }, { step: restoreCoupons }],
    logger,
    metrics: namedMetrics(metrics),
    poisonPerMinute: config.POISON_PER_MINUTE,
    onFatal,
  });
  const reader = new PrismaClient({
    adapter: new PrismaPg(readPool(service, config.DATABASE_URL)),
  });
  const operations = composeOperations({ service, kit, config, metrics, books: couponBooks });
  return {
    config,
    logger,
    metrics,
    routes: [
      createCouponSource(reader),
      listCouponSources(reader),
      // 5,000 users for 100 coupons: at most 100 commits a second, each exact.
      issueCoupon(kit.write, { intervalMs: 10, maxBatch: 500, maxWaiting: 10_000 }),
      listCoupons(reader),
      ...operations.routes,
    ],
    messaging: kit,
    database: kit.pool,
    redis: createRedis(config.REDIS_URL, logger),
    sweepers: [retention(kit.write)],
    close: async () => void (await Promise.all([reader.$disconnect(), operations.close()])),
  };
}
