import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { amount, ConfigError, durationMs, int, loadConfig, serviceEnvironment } from './config.ts';

const schema = z.object({
  ...serviceEnvironment,
  PAYMENT_LIMIT: amount({ default: '500000.00' }),
  ORDER_DEADLINE_MS: durationMs({ default: 60_000 }),
  SWEEP_PER_SECOND: int({ default: 200, min: 1 }),
});

const good = {
  PORT: '8082',
  INTERNAL_PORT: '9082',
  DATABASE_URL: 'postgres://payment_app:s3cret@127.0.0.1:5442/payment',
  KAFKA_BROKERS: '127.0.0.1:9192, kafka-2:9192',
  REDIS_URL: 'redis://127.0.0.1:6479',
  JWT_ISSUER: 'https://orderflow.local',
  JWT_AUDIENCE: 'orderflow',
  JWKS_URL: 'http://127.0.0.1:8080/.well-known/jwks.json',
};

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('is read with types and units, defaults filled in', () => {
    expect(loadConfig(schema, { ...good, PATH: '/bin', ORDER_DEADLINE_MS: '5000' })).toMatchObject({
      NODE_ENV: 'development',
      PORT: 8082,
      KAFKA_BROKERS: ['127.0.0.1:9192', 'kafka-2:9192'],
      PAYMENT_LIMIT: 50_000_000n,
      ORDER_DEADLINE_MS: 5000,
      SWEEP_PER_SECOND: 200,
    });
  });

  it('takes an empty string for a variable that is not set', () => {
    expect(loadConfig(schema, { ...good, PAYMENT_LIMIT: '', MIGRATION_DATABASE_URL: '' })).toMatchObject({
      PAYMENT_LIMIT: 50_000_000n,
    });
    expect(problemsOf({ ...good, JWT_ISSUER: '' })).toEqual(['JWT_ISSUER is not set']);
  });

  it('lists every problem at once, with the variable and what is wrong', () => {
    expect(
      problemsOf({
        ...good,
        PORT: '80000',
        INTERNAL_PORT: undefined,
        LOG_LEVEL: 'loud',
        KAFKA_BROKERS: 'localhost',
        PAYMENT_LIMIT: '1.005',
        ORDER_DEADLINE_MS: '1e3',
        SWEEP_PER_SECOND: '0',
      }).map((line) => line.split(/[: ]/)[0]),
    ).toEqual([
      'PORT',
      'INTERNAL_PORT',
      'LOG_LEVEL',
      'KAFKA_BROKERS',
      'PAYMENT_LIMIT',
      'ORDER_DEADLINE_MS',
      'SWEEP_PER_SECOND',
    ]);
  });

  const production = {
    ...good,
    NODE_ENV: 'production',
    MIGRATION_DATABASE_URL: 'postgres://payment_owner:s3cret@127.0.0.1:5442/payment',
    JWT_ISSUER: 'https://login.example.com',
    JWKS_URL: 'https://login.example.com/jwks.json',
  };

  it.each([
    ['DATABASE_URL', 'postgres://payment_app:password@db:5432/payment', 'has the password of an example'],
    ['DATABASE_URL', 'postgres://payment_app:orderflow-trial@db/payment', 'has the password of an example'],
    ['DATABASE_URL', 'postgres://payment_app@db/payment', 'has no password'],
    ['MIGRATION_DATABASE_URL', 'postgres://postgres:postgres@db/payment', 'has the password of an example'],
    ['JWT_ISSUER', 'orderflow-local', 'is that of a local stack'],
    ['JWT_ISSUER', 'https://orderflow.local', 'is that of a local stack'],
    ['JWT_ISSUER', 'http://127.0.0.1:8080', 'is that of a local stack'],
    ['JWT_ISSUER', 'http://localhost:8080', 'is that of a local stack'],
    ['JWKS_URL', 'http://login.example.com/jwks.json', 'must be https://'],
  ])('is refused in production, and there alone, with %s=%s', (name, value, says) => {
    const [line = '', ...others] = problemsOf({ ...production, [name]: value });
    expect(others).toEqual([]);
    expect(line.startsWith(`${name}: ${says}`)).toBe(true);
    expect(line).not.toContain(value);
    expect(problemsOf({ ...production, [name]: value, NODE_ENV: 'development' })).toEqual([]);
  });

  it('is taken in production with secrets of its own', () => {
    expect(problemsOf(production)).toEqual([]);
  });

  it.each(['mysql://app:s3cret@db/x', 'not a url s3cret:s3cret@db', 'http://app:s3cret@db'])(
    'never shows a password: %s',
    (DATABASE_URL) => {
      const [line = ''] = problemsOf({ ...good, DATABASE_URL });
      expect(line).toMatch(/^DATABASE_URL: must be a URL starting with postgres/);
      expect(line).not.toContain('s3cret@');
    },
  );
});
