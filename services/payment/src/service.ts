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
import type { PaymentConfig } from './config.ts';
import { PrismaClient } from './generated/prisma/client.ts';
import { listPayments } from './http/list-payments.ts';
import { payOrders } from './steps/pay-orders.ts';
import { refundPayments } from './steps/refund-payments.ts';
import { paymentBooks } from './store/books.ts';
import { retention } from './sweepers/retention.ts';

/**
 * Puts the payment service together; nothing is connected before it is hosted. `onFatal` is told when only a new process
 * can help.
 */
export function composePayment(config: PaymentConfig, onFatal: (reason: string) => void): ServiceParts {
  const service = 'payment';
  const logger = createLogger({ service, level: config.LOG_LEVEL });
  const metrics = createMetrics(service);
  const kit = new Kit({
    service,
    databaseUrl: config.DATABASE_URL,
    brokers: config.KAFKA_BROKERS,
    ownCodec: config.KAFKA_CODEC === 'own',
    topics: TOPICS,
    outbox: messageOutbox,
    steps: [{ step: payOrders({ limit: config.PAYMENT_LIMIT }) }, { step: refundPayments }],
    logger,
    metrics: namedMetrics(metrics),
    poisonPerMinute: config.POISON_PER_MINUTE,
    onFatal,
  });
  const reader = new PrismaClient({
    adapter: new PrismaPg(readPool(service, config.DATABASE_URL)),
  });
  const operations = composeOperations({ service, kit, config, metrics, books: paymentBooks });
  return {
    config,
    logger,
    metrics,
    routes: [listPayments(reader), ...operations.routes],
    messaging: kit,
    database: kit.pool,
    redis: createRedis(config.REDIS_URL, logger),
    sweepers: [retention(kit.write)],
    close: async () => void (await Promise.all([reader.$disconnect(), operations.close()])),
  };
}
