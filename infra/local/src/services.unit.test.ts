import { describe, expect, it } from '@jest/globals';
import { knownVariables } from './services.ts';
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
