import { describe, expect, it } from '@jest/globals';
import { knownVariables, processEnv } from './services.ts';
import { readSettings } from './settings.ts';
import type { Stack } from './stack-file.ts';
import { systemEnv } from './system-env.ts';

describe('knownVariables', () => {
  it('reads the names of an .env.example, commented out or not', () => {
    const example =
      '# How long an order may take.\nORDER_DEADLINE_MS=60000\n#LOG_LEVEL=debug\n# OTEL_ENDPOINT=\n';
    expect(knownVariables(example)).toEqual(['ORDER_DEADLINE_MS', 'LOG_LEVEL', 'OTEL_ENDPOINT']);
  });
});

describe('systemEnv', () => {
  it('passes on what every program needs and nothing of another project', () => {
    const shell = { PATH: '/bin', LANG: 'C', DATABASE_URL: 'postgres://elsewhere', NODE_ENV: 'production' };
    expect(systemEnv(shell)).toEqual({ PATH: '/bin', LANG: 'C' });
  });
});

describe('processEnv', () => {
  const stack = { gateway: 'http://127.0.0.1:8080', services: {}, redis: 'redis://127.0.0.1:6479' } as Stack;
  const gatewayEnv = (env: Record<string, string>) => processEnv('gateway', readSettings(env), stack, null);

  it('limits no address, since all callers of a local stack have one, unless the shell says so', () => {
    expect(gatewayEnv({})).toMatchObject({ RATE_LIMIT_PER_ADDRESS: '0' });
    expect(gatewayEnv({})).not.toHaveProperty('RATE_LIMIT_PER_USER');
    expect(gatewayEnv({ RATE_LIMIT_PER_ADDRESS: '9', RATE_LIMIT_PER_USER: '8' })).toMatchObject({
      RATE_LIMIT_PER_ADDRESS: '9',
      RATE_LIMIT_PER_USER: '8',
    });
  });
});
