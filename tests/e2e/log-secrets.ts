import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { databaseUrls } from '@orderflow/local/databases';
import { PROCESS_NAMES, SERVICE_NAMES } from '@orderflow/local/ports';
import { postgresUrl } from '@orderflow/local/postgres';
import { databaseName } from '@orderflow/local/services';
import type { RunningStack } from '@orderflow/testing/running-stack';

/** A text that must stand in no log, or the shape of such texts. */
export type Secret = readonly [name: string, text: string | RegExp];

/**
 * What gives whoever reads it a right, by its shape. Idempotency keys are not among it: a key is worth nothing without
 * a token of its user, and Postgres may name one in the detail of an error.
 */
const SHAPES: readonly Secret[] = [
  ['a token', /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/],
  ['a bearer token', /bearer (?!\*{3})[\w.~+/-]{16,}/i],
  ['a header with credentials', /authorization"?\s*[:=]\s*"?(?:\w+ )?[\w.~+/-]{8,}/i],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ['a password in a URL', /[a-z]:\/\/[^\s:@/"]*:(?!\*{3}@)[^\s@/"]+@/i],
];

/** How much of a secret may be told: a line of a key, a password without its end. */
const TELLING_CHARACTERS = 12;

/** Secrets found in a log, each once, with the line that tells it. */
export function secretsIn(log: string, secrets: readonly Secret[]): string[] {
  return [...SHAPES, ...secrets].flatMap(([name, text]) => {
    const at = typeof text === 'string' ? log.indexOf(text.slice(0, TELLING_CHARACTERS)) : log.search(text);
    if (at === -1) return [];
    const start = log.lastIndexOf('\n', at) + 1;
    return [`${name}: ${log.slice(start, at + TELLING_CHARACTERS).slice(-200)}`];
  });
}

/** The passwords and the key of a stack, read where it keeps them. */
function secretsOf(stateDir: string): Secret[] {
  // The port is no part of any secret, and the stack may be stopped.
  const admin = postgresUrl({ dir: join(stateDir, 'postgres'), port: 1 });
  const passwordOf = (url: string) => new URL(url).password;
  const roles = SERVICE_NAMES.flatMap((service): Secret[] => {
    const { ownerUrl, appUrl } = databaseUrls(admin, databaseName(service));
    return [
      [`the password of ${service}'s owner`, passwordOf(ownerUrl)],
      [`the password of ${service}`, passwordOf(appUrl)],
    ];
  });
  const key = readFileSync(join(stateDir, 'keys', 'jwt.pem'), 'utf8');
  const lines = key.split('\n').filter((line) => line.length >= 32 && !line.startsWith('-'));
  // A key in PKCS #8 begins with what every key begins with.
  const [, ...telling] = lines.map((line): Secret => ['a line of the signing key', line]);
  return [['the password of postgres', passwordOf(admin)], ...roles, ...telling];
}

/** Comes last: what everything before it has left in the logs. */
export function describeLogSecrets(stack: () => RunningStack): void {
  describe('the logs of all that was done', () => {
    it('tell no token, no password and no key', () => {
      const { stateDir, output } = stack();
      const secrets = secretsOf(stateDir);
      expect(secrets.length).toBeGreaterThan(30);
      const folder = join(stateDir, 'logs');
      const logs = readdirSync(folder).map(
        (file) => [file, readFileSync(join(folder, file), 'utf8')] as const,
      );
      const written = logs.filter(([, text]) => text !== '').map(([file]) => file);
      const expected = [...PROCESS_NAMES, 'kafka', 'postgres', 'redis'].map((name) => `${name}.log`);
      expect(written).toEqual(expect.arrayContaining(expected));
      const told = [['the launcher', output()] as const, ...logs].flatMap(([name, text]) =>
        secretsIn(text, secrets).map((secret) => `${name} tells ${secret}`),
      );
      expect(told).toEqual([]);
    });
  });
}
