import { describe, expect, it } from '@jest/globals';
import { productConfig } from './config.ts';

const environment = {
  PORT: '8083',
  INTERNAL_PORT: '9083',
  DATABASE_URL: 'postgres://product_app@127.0.0.1:5442/product',
  KAFKA_BROKERS: '127.0.0.1:9192',
  REDIS_URL: 'redis://127.0.0.1:6479',
  JWT_ISSUER: 'orderflow',
  JWT_AUDIENCE: 'orderflow',
  JWKS_URL: 'http://127.0.0.1:8080/.well-known/jwks.json',
};

describe('the configuration', () => {
  it('counts sales by UTC days, every 200 ms, and pauses a step above 20 poisoned messages a minute, unless told otherwise', () => {
    expect(productConfig(environment)).toMatchObject({
      SALES_TIME_ZONE: 'UTC',
      SALES_INTERVAL_MS: 200,
      POISON_PER_MINUTE: 20,
    });
  });

  it('names all that is wrong at once', () => {
    const wrong = {
      ...environment,
      SALES_TIME_ZONE: 'Mars/Olympus',
      SALES_INTERVAL_MS: '-1',
      POISON_PER_MINUTE: 'x',
    };
    expect(() => productConfig(wrong)).toThrow(
      /POISON_PER_MINUTE[^]*SALES_TIME_ZONE: must be a time zone[^]*Mars\/Olympus[^]*SALES_INTERVAL_MS/,
    );
  });
});
