import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './planted-tree.ts';

const SERVICES = join(REPOSITORY, 'services');

function takesKeys(service: string): boolean {
  const http = join(SERVICES, service, 'src/http');
  const files = readdirSync(http, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  return files.some((name) => /\bidempotent: true\b/.test(readFileSync(join(http, name), 'utf8')));
}

describe('a service with a route that takes an Idempotency-Key', () => {
  const services = readdirSync(SERVICES).filter(takesKeys);

  it('is found', () => expect(services).toContain('order'));

  it.each(services)('tests it under fifty requests at once: %s', (service) =>
    expect(existsSync(join(SERVICES, service, 'src/one-key.int.test.ts'))).toBe(true),
  );
});
