import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import { freePort } from '@orderflow/testing/free-port';
import { startTokenIssuer, type TokenIssuer } from '@orderflow/testing/token-issuer';
import { gatewayConfig } from './config.ts';
import { startGateway } from './service.ts';

export const host = '127.0.0.1';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A gateway under test, the issuer it trusts, and one server that plays every service not set otherwise. */
export interface RunningGateway {
  readonly url: string;
  readonly internalUrl: string;
  readonly issuer: TokenIssuer;
  readonly service: Listening;
  /** What the services were asked. */
  readonly seen: IncomingMessage[];
  answerWith(answer: Answer): void;
  /** An Authorization header's value. */
  token(userId?: number): string;
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one; its limits are off unless `env` sets them, Redis is away. */
export async function runGateway(env: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  const issuer = await startTokenIssuer();
  const seen: IncomingMessage[] = [];
  let answer: Answer = (_request, response) => response.end('{}');
  const service = await listen(
    (request, response) => {
      seen.push(request);
      answer(request, response);
    },
    { host, port: 0 },
  );
  const gateway = await startGateway(
    gatewayConfig({
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      PORT: String(await freePort()),
      INTERNAL_PORT: '0',
      REDIS_URL: 'redis://127.0.0.1:1',
      JWT_ISSUER: issuer.issuer,
      JWT_AUDIENCE: issuer.audience,
      JWKS_URL: issuer.jwksUrl,
      RATE_LIMIT_PER_USER: '0',
      RATE_LIMIT_PER_ADDRESS: '0',
      ORDER_URL: service.url,
      PAYMENT_URL: service.url,
      PRODUCT_URL: service.url,
      COUPON_URL: service.url,
      USER_BALANCE_URL: service.url,
      ...env,
    }),
  );
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= gateway.stop());
  return {
    url: gateway.url,
    internalUrl: gateway.internalUrl,
    issuer,
    service,
    seen,
    answerWith: (given) => void (answer = given),
    token: (userId = 7) => issuer.authorization('first', { sub: String(userId) }),
    stop,
    async close() {
      await stop();
      service.server.closeAllConnections();
      await Promise.all([service.close(), issuer.close()]);
    },
  };
}
