import { setTimeout as wait } from 'node:timers/promises';
import type { z } from 'zod';
import { createTokenVerifier } from './auth.ts';
import { isBackendAway } from './backend-away.ts';
import type { serviceEnvironment } from './config.ts';
import { createHttpApp } from './http-app.ts';
import type { Queryable } from './idempotency.ts';
import { startInternalServer, type Check } from './internal-server.ts';
import { createJobLock } from './job-lock.ts';
import { listen } from './listen.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { migrate, pendingMigrations } from './migrations.ts';
import type { Running } from './process.ts';
import type { RedisLink } from './redis.ts';
import type { Route } from './route.ts';
import { startSweeper, type Sweeper } from './sweeper.ts';

/** What a service's configuration has in common with the others'. */
export type ServiceConfig = z.output<z.ZodObject<typeof serviceEnvironment>>;

/** The messaging side of a service, as far as its process is concerned; the kit fits. */
export interface Messaging {
  /** Resolves when all of it works; waits for its backends for as long as that takes. */
  start(): Promise<void>;
  checks(): readonly Check[];
  live(): readonly Check[];
  stop(): Promise<void>;
}

export interface ServiceParts {
  readonly config: ServiceConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly routes: readonly Route[];
  readonly messaging: Messaging;
  /** For the readiness check: does it answer, and is it migrated? */
  readonly database: Queryable;
  readonly redis: RedisLink;
  readonly sweepers: readonly Sweeper[];
  /** Closes what the service opened itself. */
  readonly close: () => Promise<void>;
}

const MIGRATIONS = 'prisma/migrations';
const RETRY_MS = 500;

/**
 * Runs a service: migrations first when it has the owner's URL, then its HTTP door, its messaging and its sweepers;
 * health and metrics on the internal port from the first moment. Start-up order does not matter: a database, a broker or
 * a token issuer that is away is waited for, and `/readyz` names it.
 */
export async function hostService(
  parts: ServiceParts,
): Promise<Running & { url: string; internalUrl: string }> {
  const { config, logger, metrics, routes, messaging, redis } = parts;
  const { HOST: host, MIGRATION_DATABASE_URL } = config;
  const tokens = createTokenVerifier({
    jwksUrl: config.JWKS_URL,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    logger,
  });
  const internal = await startInternalServer({
    host,
    port: config.INTERNAL_PORT,
    registry: metrics.registry,
    live: () => messaging.live(),
    ready: async () => [
      await databaseCheck(parts.database),
      { name: 'token issuer', ok: tokens.isReady(), detail: config.JWKS_URL },
      ...messaging.checks(),
    ],
  });
  const stopping = new AbortController();
  const app = createHttpApp({
    routes,
    verifyToken: tokens.verify.bind(tokens),
    logger,
    metrics,
    closing: stopping.signal,
  });
  const door = await listen(app, { host, port: config.PORT });
  const sweepers: { stop(): Promise<void> }[] = [];
  redis.open();
  const lock = createJobLock(redis);

  /** Not awaited by the start, so that a stop is heard while a backend is away. What fails here ends the process. */
  async function begin(): Promise<void> {
    if (MIGRATION_DATABASE_URL) await migrateWhenUp(MIGRATION_DATABASE_URL, logger, stopping.signal);
    if (stopping.signal.aborted) return;
    sweepers.push(...parts.sweepers.map((sweeper) => startSweeper(sweeper, logger, lock)));
    await Promise.all([tokens.ready(), messaging.start()]);
    logger.info({ url: door.url, internalUrl: internal.url }, 'ready');
  }
  void begin();
  return {
    url: door.url,
    internalUrl: internal.url,
    async stop() {
      stopping.abort();
      tokens.close();
      await door.close();
      await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
      await messaging.stop();
      await parts.close();
      redis.close();
      await internal.close();
    },
  };
}

async function databaseCheck(database: Queryable): Promise<Check> {
  const name = 'database';
  try {
    const pending = await pendingMigrations({ database, directory: MIGRATIONS });
    return pending.length === 0
      ? { name, ok: true }
      : { name, ok: false, detail: `not migrated: ${pending.join(', ')}` };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function migrateWhenUp(url: string, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await migrate({ url, directory: MIGRATIONS, logger });
      return;
    } catch (error) {
      if (!isBackendAway(error)) throw error;
      logger.warn({ err: error }, 'waiting for the database');
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Counters and timers by name, made when first used: what a library needs that knows nothing of the metrics in use. */
export function namedMetrics(metrics: Metrics) {
  const counters = new Map<string, ReturnType<Metrics['counter']>>();
  const timers = new Map<string, ReturnType<Metrics['histogram']>>();
  return {
    count(name: string, labels: Readonly<Record<string, string>>, by = 1): void {
      let counter = counters.get(name);
      if (!counter)
        counters.set(name, (counter = metrics.counter(name, name, Object.keys(labels) as never[])));
      counter.inc(labels, by);
    },
    observe(name: string, labels: Readonly<Record<string, string>>, seconds: number): void {
      let timer = timers.get(name);
      if (!timer)
        timers.set(
          name,
          (timer = metrics.histogram(name, name, STEP_BUCKETS, Object.keys(labels) as never[])),
        );
      timer.observe(labels, seconds);
    },
  };
}

const STEP_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
