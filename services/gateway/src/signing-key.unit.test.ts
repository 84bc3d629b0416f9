import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { openSigningKey } from './signing-key.ts';

describe('the local signing key', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'orderflow-key-'));
    file = join(directory, 'keys', 'jwt.pem');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const open = (at = file) =>
    openSigningKey({ file: at, issuer: 'https://issuer.example', audience: 'orderflow' });

  it('is made when missing, for its owner only, and nothing is left beside it', async () => {
    await open();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'keys'))).toEqual(['jwt.pem']);
  });

  it('stays the same over restarts and for gateways that start together', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    expect(two.publicJwk).toEqual(one.publicJwk);
    expect((await open()).publicJwk).toEqual(one.publicJwk);
  });

  it('shows its public half only', async () => {
    expect(Object.keys((await open()).publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  it('signs tokens of 15 minutes as the services expect them', async () => {
    const key = await open();
    const { accessToken, expiresIn } = await key.sign({ userId: 7, roles: ['admin'] });
    expect(decodeProtectedHeader(accessToken)).toEqual({
      alg: 'RS256',
      typ: 'at+jwt',
      kid: key.publicJwk.kid,
    });
    const claims = decodeJwt(accessToken);
    expect(claims).toMatchObject({
      sub: '7',
      roles: ['admin'],
      iss: 'https://issuer.example',
      aud: 'orderflow',
    });
    expect([expiresIn, Number(claims.exp) - Number(claims.iat)]).toEqual([900, 900]);
    await jwtVerify(accessToken, await importJWK(key.publicJwk));
  });

  it('is refused when others can read it', async () => {
    await open();
    chmodSync(file, 0o640);
    await expect(open()).rejects.toThrow(`others can read ${file}; run: chmod 600`);
  });

  it.each([
    ['junk', 'junk'],
    [
      'an elliptic key',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
    [
      'a weak key',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
  ])('is refused when the file holds %s', async (_what, content) => {
    const other = join(directory, 'other.pem');
    writeFileSync(other, content, { mode: 0o600 });
    await expect(open(other)).rejects.toThrow('holds no RSA private key of 2048 bits or more');
  });
});
