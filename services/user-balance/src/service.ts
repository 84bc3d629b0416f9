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
import type { UserBalanceConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { createUser } from './http/create-user.ts';
import { listRecords } from './http/list-records.ts';
import { readBalance } from './http/read-balance.ts';
import { readUser } from './http/read-user.ts';
import { topUpBalance } from './http/top-up-balance.ts';
import { chargeOrders } from './steps/charge-orders.ts';
import { refundOrders } from './steps/refund-orders.ts';
import { balanceBooks } from './store/books.ts';
import { retention } from './sweepers/retention.ts';

/**
 * Puts the user-balance service together; nothing is connected before it is hosted. `onFatal` is told when only a new process
 * can help.
 */
export function composeUserBalance(
  config: UserBalanceConfig,
  onFatal: (reason: string) => void,
): ServiceParts {
  const service = 'user-balance';
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const metrics = createMetrics(service);
  const kit = new Kit({
    service,
    databaseUrl: config.DATABASE_URL,
    brokers: config.KAFKA_BROKERS,
    ownCodec: config.KAFKA_CODEC === 'own',
    topics: TOPICS,
    outbox: messageOutbox,
    steps: [{ step: chargeOrders }, { step: refundOrders }],
    logger,
    metrics: namedMetrics(metrics),
    poisonPerMinute: config.POISON_PER_MINUTE,
    onFatal,
  });
  const reader = new PrismaClient({
    adapter: new PrismaPg(readPool(service, config.DATABASE_URL)),
  });
  const operations = composeOperations({ service, kit, config, metrics, books: balanceBooks });
  return {
    config,
    logger,
    metrics,
    routes: [
      createUser(reader),
      readUser(reader),
      readBalance(reader),
      topUpBalance(kit.write, {
        limit: config.BALANCE_MAX,
        pace: { intervalMs: 10, maxBatch: 500, maxWaiting: 10_000 },
      }),
      listRecords(reader),
      ...operations.routes,
    ],
    messaging: kit,
    database: kit.pool,
    redis: createRedis(config.REDIS_URL, logger),
    sweepers: [retention(kit.write)],
    close: async () => void (await Promise.all([reader.$disconnect(), operations.close()])),
  };
}
