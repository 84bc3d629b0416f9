import { describe, expect, it } from '@jest/globals';
import { userBalanceConfig } from './config.ts';

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

describe('the configuration of user-balance', () => {
  it('pauses a step at 20 poisonous messages a minute unless told otherwise', () => {
    expect(userBalanceConfig(environment).POISON_PER_MINUTE).toBe(20);
    expect(userBalanceConfig({ ...environment, POISON_PER_MINUTE: '0' }).POISON_PER_MINUTE).toBe(0);
  });

  it('reads the limit of a balance as money', () => {
    expect(userBalanceConfig(environment).BALANCE_MAX).toBe(100_000_000n);
    expect(userBalanceConfig({ ...environment, BALANCE_MAX: '12.5' }).BALANCE_MAX).toBe(1250n);
  });

  it('names all problems at once', () => {
    expect(() =>
      userBalanceConfig({ ...environment, PORT: 'x', POISON_PER_MINUTE: '-1', BALANCE_MAX: '-1' }),
    ).toThrow(/PORT: [^]*BALANCE_MAX: [^]*POISON_PER_MINUTE: /);
  });
});
