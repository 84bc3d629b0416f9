import { describe, expect, it } from '@jest/globals';
import { paymentConfig } from './config.ts';

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

describe('the configuration of payment', () => {
  it('pauses a step at 20 poisonous messages a minute unless told otherwise', () => {
    expect(paymentConfig(environment).POISON_PER_MINUTE).toBe(20);
    expect(paymentConfig({ ...environment, POISON_PER_MINUTE: '0' }).POISON_PER_MINUTE).toBe(0);
  });

  it('reads the limit of one payment as money', () => {
    expect(paymentConfig(environment).PAYMENT_LIMIT).toBe(50_000_000n);
    expect(paymentConfig({ ...environment, PAYMENT_LIMIT: '12.5' }).PAYMENT_LIMIT).toBe(1250n);
  });

  it('names all problems at once', () => {
    expect(() =>
      paymentConfig({ ...environment, PORT: 'x', POISON_PER_MINUTE: '-1', PAYMENT_LIMIT: '1.005' }),
    ).toThrow(/PORT: [^]*PAYMENT_LIMIT: [^]*POISON_PER_MINUTE: /);
  });
});
