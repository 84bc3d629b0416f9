import { describe, expect, it } from '@jest/globals';
import { couponConfig } from './config.ts';

const environment = {
  PORT: '8080',
  INTERNAL_PORT: '9080',
  DATABASE_URL: 'postgres://app@127.0.0.1/db',
  KAFKA_BROKERS: '127.0.0.1:9092',
  REDIS_URL: 'redis://127.0.0.1',
  JWT_ISSUER: 'issuer',
  JWT_AUDIENCE: 'audience',
  JWKS_URL: 'http://127.0.0.1/jwks.json',
};

describe('the configuration of coupon', () => {
  it('pauses a step at 20 poisonous messages a minute unless told otherwise', () => {
    expect(couponConfig(environment).POISON_PER_MINUTE).toBe(20);
    expect(couponConfig({ ...environment, POISON_PER_MINUTE: '0' }).POISON_PER_MINUTE).toBe(0);
  });

  it('names all problems at once', () => {
    expect(() => couponConfig({ ...environment, PORT: 'x', POISON_PER_MINUTE: '-1' })).toThrow(
      /PORT: [^]*POISON_PER_MINUTE: /,
    );
  });
});
