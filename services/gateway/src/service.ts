import cors from 'cors';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { createTokenVerifier } from '@orderflow/service-runtime/auth';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { startInternalServer } from '@orderflow/service-runtime/internal-server';
import { listen } from '@orderflow/service-runtime/listen';
import { createLogger, type Logger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import type { Running } from '@orderflow/service-runtime/process';
import type { GatewayConfig } from './config.ts';
import { localTokenRoutes } from './http/local-tokens.ts';
import { createServiceProxy } from './http/proxy.ts';
import type { ServiceName } from './http/routing.ts';
import { createUpstream, type Upstream } from './http/upstream.ts';
import { openSigningKey } from './signing-key.ts';

/** Headers a browser's code may read. */
const exposedHeaders = [
  'Location',
  'Retry-After',
  'X-Request-Id',
  'Idempotency-Replayed',
  'Preference-Applied',
  'WWW-Authenticate',
];

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
  const signingKey =
    config.LOCAL_SIGNING_KEY_FILE === undefined
      ? null
      : await openSigningKey({
          file: config.LOCAL_SIGNING_KEY_FILE,
          issuer: config.JWT_ISSUER,
          audience: config.JWT_AUDIENCE,
        });
  const verifyToken = tokens.verify;
  const app = hardenedApp(config);
  const upstreams = connectUpstreams(config, logger);
  app.use(createServiceProxy({ upstreams, verifyToken, logger, metrics }));
  app.use(
    createHttpApp({ routes: signingKey ? localTokenRoutes(signingKey) : [], verifyToken, logger, metrics }),
  );

  const internal = await startInternalServer({
    host: config.HOST,
    port: config.INTERNAL_PORT,
    registry: metrics.registry,
    live: () => [{ name: 'process', ok: true }],
    // A service that is away is answered with a 503 each time; it does not make the gateway unready.
    ready: () => Promise.resolve([{ name: 'token issuer', ok: tokens.isReady(), detail: config.JWKS_URL }]),
  });
  const door = await listen(app, { host: config.HOST, port: config.PORT });
  // Locally the keys come from this very process, so they can be fetched only now.
  void tokens.ready();
  logger.info({ url: door.url, internalUrl: internal.url, localTokens: signingKey !== null }, 'listening');
  return {
    url: door.url,
    internalUrl: internal.url,
    async stop() {
      tokens.close();
      await door.close();
      await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
      await internal.close();
    },
  };
}

function connectUpstreams(config: GatewayConfig, logger: Logger): Readonly<Record<ServiceName, Upstream>> {
  const connect = (name: ServiceName, url: string) =>
    createUpstream({ name, url, silentMaxMs: config.UPSTREAM_TIMEOUT_MS, logger });
  return {
    order: connect('order', config.ORDER_URL),
    payment: connect('payment', config.PAYMENT_URL),
    product: connect('product', config.PRODUCT_URL),
    coupon: connect('coupon', config.COUPON_URL),
    'user-balance': connect('user-balance', config.USER_BALANCE_URL),
  };
}

function hardenedApp(config: GatewayConfig): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(helmet());
  const anyOrigin = config.CORS_ORIGINS.includes('*');
  app.use(cors({ origin: anyOrigin ? '*' : config.CORS_ORIGINS, exposedHeaders, maxAge: 600 }));
  return app;
}
