import { describe, expect, it } from '@jest/globals';
import { gatewayConfig } from './config.ts';

const env = {
  PORT: '8080',
  INTERNAL_PORT: '9080',
  REDIS_URL: 'redis://127.0.0.1:6479',
  JWT_ISSUER: 'https://orderflow.local',
  JWT_AUDIENCE: 'orderflow',
  JWKS_URL: 'http://127.0.0.1:8080/.well-known/jwks.json',
  ORDER_URL: 'http://127.0.0.1:8081',
  PAYMENT_URL: 'http://127.0.0.1:8082',
  PRODUCT_URL: 'http://127.0.0.1:8083',
  COUPON_URL: 'http://127.0.0.1:8084',
  USER_BALANCE_URL: 'http://127.0.0.1:8085',
};

describe('the gateway’s configuration', () => {
  it('hands out no tokens unless told so', () => {
    expect(gatewayConfig(env)).toMatchObject({ CORS_ORIGINS: ['*'], UPSTREAM_TIMEOUT_MS: 20_000 });
    expect(gatewayConfig(env)).not.toHaveProperty('LOCAL_SIGNING_KEY_FILE');
  });

  it('refuses local tokens in production, together with every other problem', () => {
    const local = { ...env, NODE_ENV: 'production', LOCAL_SIGNING_KEY_FILE: 'jwt.pem' };
    expect(() => gatewayConfig(local)).toThrow(/LOCAL_SIGNING_KEY_FILE: the local token endpoint/);
    expect(() => gatewayConfig({ ...local, ORDER_URL: 'ftp://x', PORT: '' })).toThrow(
      /PORT is not set[^]*ORDER_URL: must be a URL[^]*LOCAL_SIGNING_KEY_FILE: the local token endpoint/,
    );
    expect(() => gatewayConfig({ ...local, NODE_ENV: 'development' })).not.toThrow();
  });
});
