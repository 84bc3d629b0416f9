import express from 'express';
import { createTokenVerifier, type TokenVerifier } from '@orderflow/service-runtime/auth';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { startInternalServer } from '@orderflow/service-runtime/internal-server';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import { createLogger, type Logger } from '@orderflow/service-runtime/logger';
import { createMetrics, type Metrics } from '@orderflow/service-runtime/metrics';
import type { Running } from '@orderflow/service-runtime/process';
import { createRedis, type RedisLink } from '@orderflow/service-runtime/redis';
import type { Route } from '@orderflow/service-runtime/route';
import type { GatewayConfig } from './config.ts';
import { apiDocs } from './http/api-docs.ts';
import { createDrain, type Drain } from './http/drain.ts';
import { createFront } from './http/front.ts';
import { localTokenRoutes } from './http/local-tokens.ts';
import { createAskService } from './http/ops/ask-service.ts';
import { operatorRoutes } from './http/ops/routes.ts';
import { createServiceProxy } from './http/proxy.ts';
import { createMemoryCounters } from './http/rate-counters.ts';
import { createRateLimits } from './http/rate-limits.ts';
import { createSharedCounters } from './http/shared-counters.ts';
import { connectUpstreams, type Upstreams } from './http/upstreams.ts';
import { openSigningKey, type SigningKey } from './signing-key.ts';

/** What runs when the gateway is told to stop has this long, of the 5 s a process has; then it is answered 503. */
const drainMs = 3_000;
const refusedMs = 500;

/** Starts the gateway: the public door, and health and metrics on the internal port. */
export async function startGateway(
  config: GatewayConfig,
): Promise<Running & { url: string; internalUrl: string }> {
  const logger = createLogger({ service: 'gateway', level: config.LOG_LEVEL });
  const metrics = createMetrics('gateway');
  const tokens = createTokenVerifier({
    jwksUrl: config.JWKS_URL,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    logger,
  });
  const signingKey = await localSigningKey(config);
  const verifyToken = tokens.verify;
  const redis = createRedis(config.REDIS_URL, logger);
  redis.open();
  const drain = createDrain();
  const upstreams = connectUpstreams(config, logger, metrics);
  const { STREAMS_PER_USER_MAX: streamsPerUserMax } = config;
  const steps = [
    drain.watch,
    rateLimits(config, { redis, verifyToken, metrics }),
    createServiceProxy({ upstreams, verifyToken, streamsPerUserMax, logger, metrics }),
  ];
  const rest = express().disable('x-powered-by').disable('etag').use(apiDocs(logger));
  rest.use(createHttpApp({ routes: ownRoutes(config, signingKey, logger), verifyToken, logger, metrics }));
  const app = createFront(config.CORS_ORIGINS, steps, rest, logger);

  const internal = await startInternalServer({
    host: config.HOST,
    port: config.INTERNAL_PORT,
    registry: metrics.registry,
    live: () => [{ name: 'process', ok: true }],
    // A service that is away is answered with a 503 each time; it does not make the gateway unready.
    ready: () =>
      Promise.resolve([
        { name: 'token issuer', ok: tokens.isReady(), detail: config.JWKS_URL },
        { name: 'door', ok: !drain.isOn() },
      ]),
  });
  const door = await listen(app, {
    host: config.HOST,
    port: config.PORT,
    connectionsMax: config.CONNECTIONS_MAX,
    closeMaxMs: drainMs + refusedMs,
  });
  // Locally the keys come from this very process, so they can be fetched only now.
  void tokens.ready();
  logger.info({ url: door.url, internalUrl: internal.url, localTokens: signingKey !== null }, 'listening');
  return {
    url: door.url,
    internalUrl: internal.url,
    async stop() {
      tokens.close();
      await closeDoor(door, drain, upstreams);
      await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
      redis.close();
      await internal.close();
    },
  };
}

/** What the gateway answers itself. */
function ownRoutes(config: GatewayConfig, signingKey: SigningKey | null, logger: Logger): Route[] {
  const urls = {
    order: config.ORDER_URL,
    payment: config.PAYMENT_URL,
    product: config.PRODUCT_URL,
    coupon: config.COUPON_URL,
    'user-balance': config.USER_BALANCE_URL,
  };
  const ask = createAskService(urls, logger);
  return [...operatorRoutes(ask), ...(signingKey ? localTokenRoutes(signingKey) : [])];
}

function localSigningKey(config: GatewayConfig): Promise<SigningKey> | null {
  const { LOCAL_SIGNING_KEY_FILE: file, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = config;
  return file === undefined ? null : openSigningKey({ file, issuer, audience });
}

function rateLimits(
  config: GatewayConfig,
  parts: { redis: RedisLink; verifyToken: TokenVerifier['verify']; metrics: Metrics },
) {
  return createRateLimits({
    counters: createSharedCounters(parts.redis, createMemoryCounters()),
    verifyToken: parts.verifyToken,
    proxies: config.TRUST_PROXY,
    perUser: config.RATE_LIMIT_PER_USER,
    perAddress: config.RATE_LIMIT_PER_ADDRESS,
    metrics: parts.metrics,
  });
}

/** Takes no new connection, ends the streams, lets the rest finish, and answers what takes too long. */
async function closeDoor(door: Listening, drain: Drain, upstreams: Upstreams): Promise<void> {
  drain.begin();
  const closed = door.close();
  for (const upstream of Object.values(upstreams)) upstream.endStreams();
  const late = setTimeout(() => drain.giveUp(), drainMs);
  await closed;
  clearTimeout(late);
}
