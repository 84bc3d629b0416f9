import { describe, expect, it } from '@jest/globals';
import { secretsIn, type Secret } from './log-secrets.ts';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLWl0';
const SECRETS: readonly Secret[] = [['the password of order', 'n0ne-of-y0ur-business']];

/** Lines as a process might write them, each with what must be said of it. */
const PLANTED: ReadonlyArray<readonly [title: string, line: string, said: string]> = [
  ['a token in a message', `{"msg":"refused ${TOKEN}"}`, 'a token'],
  ['a token in a URL', `GET /v1/orders?access_token=${TOKEN}`, 'a token'],
  ['a header as it came', '{"headers":{"authorization":"Basic dXNlcjpwYXNzd29yZA=="}}', 'a header with'],
  ['a bearer token that is no JWT', 'Authorization: Bearer c29tZXRoaW5nLW9wYXF1ZQ', 'a bearer token'],
  ['a private key', '{"key":"-----BEGIN PRIVATE KEY-----\\nMIIE"}', 'a private key'],
  ['a password', 'ALTER ROLE order_app PASSWORD n0ne-of-y0ur-business', 'the password of order'],
  ['the begin of a password', '{"err":"n0ne-of-y0ur… is wrong"}', 'the password of order'],
  ['a password in a URL', 'connecting to postgres://order_app:s3cret@127.0.0.1/order', 'a password in a URL'],
];

describe('what is looked for in a log', () => {
  it.each(PLANTED)('is %s', (_title, line, said) => {
    const log = `{"msg":"ready"}\n${line}\n{"msg":"stopping"}\n`;
    expect(secretsIn(log, SECRETS).some((found) => found.startsWith(said))).toBe(true);
  });

  it('is nothing that is masked or gives no right', () => {
    const log = [
      '{"authorization":"***","msg":"Bearer ***"}',
      '{"url":"postgres://order_app:***@127.0.0.1:5442/order"}',
      '{"jwksUrl":"http://127.0.0.1:8080/.well-known/jwks.json","msg":"keys could not be fetched"}',
      '{"detail":"send an access token: Authorization: Bearer …"}',
      'ERROR: duplicate key: Key (subject, route, key)=(7, POST /v1/orders, order-1) already exists.',
      '{"time":"2026-11-22T10:00:00.250Z","url":"http://127.0.0.1:8081","msg":"ready"}',
    ].join('\n');
    expect(secretsIn(log, SECRETS)).toEqual([]);
  });
});
