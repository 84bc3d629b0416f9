import { PrismaPg } from '@prisma/adapter-pg';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import { createCache } from '@orderflow/service-runtime/cache';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { listen } from '@orderflow/service-runtime/listen';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createRedis } from '@orderflow/service-runtime/redis';
import { waitUntil } from '@orderflow/testing/wait-until';
import request from 'supertest';
import { PrismaClient } from '../generated/prisma/client.ts';
import { adjustStock } from './adjust-stock.ts';
import { createProduct } from './create-product.ts';
import { listProductDailySales } from './list-daily-sales.ts';
import { listPopularProducts } from './list-popular-products.ts';
import { listProducts } from './list-products.ts';
import { readProduct } from './read-product.ts';
import { updateProduct } from './update-product.ts';

const ROLES = {
  admin: ['admin', 'operator'],
  operator: ['operator'],
  user: [],
} as const;

/** One instance of the service's HTTP side, on real backends, its door open. */
export async function openCatalogue(given: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Instances that share a cache share its name. */
  readonly cacheName: string;
  readonly ttlMs?: number;
  /** What a command may take before Redis counts as hung. By default long enough for a process that got no processor. */
  readonly redisTimeoutMs?: number;
  readonly timeZone?: string;
  readonly now?: () => Date;
}) {
  const { databaseUrl, timeZone = 'UTC', now = () => new Date(), ttlMs = 60_000 } = given;
  const pool = createPool({ url: databaseUrl, name: 'tests' });
  const queries: string[] = [];
  const reader = new PrismaClient({
    adapter: new PrismaPg(readPool('tests', databaseUrl)),
    log: [{ emit: 'event', level: 'query' }],
  });
  reader.$on('query', ({ query }) => queries.push(query));
  const write = { pool, outbox: messageOutbox, handOver: () => undefined };
  const logger = createLogger({ service: 'product', level: 'silent' });
  const redis = createRedis(given.redisUrl, logger, given.redisTimeoutMs ?? 5_000);
  redis.open();
  await waitUntil(() => redis.isUp(), { what: 'Redis' });
  const cache = createCache({ name: given.cacheName, redis, count: () => undefined, ttlMs });
  const app = createHttpApp({
    routes: [
      createProduct(write, cache),
      listProducts(reader, cache),
      readProduct(reader),
      updateProduct(write, cache),
      adjustStock(write, { cache, pace: { intervalMs: 1, maxBatch: 100, maxWaiting: 1_000 } }),
      listProductDailySales(reader),
      listPopularProducts(reader, { cache, timeZone, now }),
    ],
    verifyToken: (role) =>
      Promise.resolve({ userId: 1, roles: new Set(ROLES[role as keyof typeof ROLES]), expiresAt: Infinity }),
    logger,
    metrics: createMetrics('product'),
    checkAnswers: true,
  });
  const { url, close } = await listen(app, { host: '127.0.0.1', port: 0 });

  return {
    pool,
    redis,
    cache,
    /** Statements of plain reads so far. */
    queries,
    get: (path: string, as = 'user') => request(url).get(path).set('Authorization', as),
    create: (body: object) => request(url).post('/v1/products').set('Authorization', 'admin').send(body),
    change: (id: number, body: object) =>
      request(url).patch(`/v1/products/${id}`).set('Authorization', 'admin').send(body),
    adjust: (id: number | string, delta: unknown, key: string, as = 'admin') =>
      request(url)
        .post(`/v1/products/${id}/stock-adjustments`)
        .set('Authorization', as)
        .set('Idempotency-Key', key)
        .send({ delta }),
    async close() {
      await close();
      redis.close();
      await Promise.all([pool.end(), reader.$disconnect()]);
    },
  };
}

export type Catalogue = Awaited<ReturnType<typeof openCatalogue>>;
