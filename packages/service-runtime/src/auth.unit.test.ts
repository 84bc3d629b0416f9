import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { badAuthorizations, signToken } from '@orderflow/testing/bad-tokens';
import { moveClocks } from '@orderflow/testing/moved-clocks';
import { createTokenVerifier } from './auth.ts';
import { listen, type Listening } from './listen.ts';
import { createLogger } from './logger.ts';

const issuer = 'https://issuer.example';
const audience = 'orderflow';
const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
const next = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });

const jwk = (key: KeyObject, kid: string, more = {}) => ({ ...key.export({ format: 'jwk' }), kid, ...more });
const facts = { issuer, audience, kid: 'k1', privateKey: own.privateKey };
const token = (made: Parameters<typeof signToken>[1] = {}, privateKey = own.privateKey) =>
  signToken({ ...facts, privateKey }, made);
const nowSeconds = () => Math.floor(Date.now() / 1000);
const badTokens = badAuthorizations(facts);

describe('the token verifier', () => {
  let keySet: Listening;
  let keys: unknown[];
  let fetches: number;
  let status: number;

  beforeEach(async () => {
    keys = [jwk(own.publicKey, 'k1', { alg: 'RS256', use: 'sig' })];
    fetches = 0;
    status = 200;
    keySet = await listen(
      (_request, response) => {
        fetches += 1;
        response.writeHead(status).end(JSON.stringify({ keys }));
      },
      { host: '127.0.0.1', port: 0 },
    );
  });
  afterEach(() => keySet.close());

  const verifier = (jwksUrl = keySet.url) =>
    createTokenVerifier({
      jwksUrl,
      issuer,
      audience,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });

  it('tells who calls; an admin is an operator too, other roles are nothing here', async () => {
    const { verify } = verifier();
    const user = await verify(`Bearer ${token({ claims: { roles: null } })}`);
    expect(user).toEqual({ userId: 7, roles: new Set(), expiresAt: expect.any(Number) });
    expect((await verify(`bearer ${token({ claims: { roles: ['admin', 'root'] } })}`)).roles).toEqual(
      new Set(['admin', 'operator']),
    );
  });

  it('is given at least 25 kinds of bad token', () => {
    expect(badTokens.size).toBeGreaterThanOrEqual(25);
  });

  it.each([...badTokens])('refuses %s with 401 and a challenge', async (_name, authorization) => {
    const { verify } = verifier();
    await expect(verify(authorization)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      headers: { 'WWW-Authenticate': expect.stringMatching(/^Bearer realm="orderflow"/) },
    });
    // The same key still opens: what was refused is the token.
    await expect(verify(`Bearer ${token()}`)).resolves.toMatchObject({ userId: 7 });
  });

  it('fetches nothing from where a token says', async () => {
    const evil = await listen((_request, response) => response.end('{"keys":[]}'), {
      host: '127.0.0.1',
      port: 0,
    });
    let asked = 0;
    evil.server.on('request', () => (asked += 1));
    const named = verifier().verify(`Bearer ${token({ header: { jku: evil.url } })}`);
    await named.catch(() => undefined);
    await evil.close();
    await expect(named).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(asked).toBe(0);
  });

  it('checks a token once and remembers it until it ends', async () => {
    const { verify } = verifier();
    const authorization = `Bearer ${token()}`;
    const first = await verify(authorization);
    expect(await verify(authorization)).toBe(first);
    const ending = `Bearer ${token({ claims: { exp: 'now-4' } })}`;
    const tolerated = await verify(ending);
    expect(await verify(ending)).not.toBe(tolerated);
  });

  it('learns a new key when a token names it, but not more often than every ten seconds', async () => {
    const { verify, ready } = verifier();
    await ready();
    keys.push(jwk(next.publicKey, 'k2'));
    const ofNext = `Bearer ${token({ header: { kid: 'k2' } }, next.privateKey)}`;
    await expect(verify(ofNext)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(fetches).toBe(1);
    const clocks = moveClocks();
    clocks.pass(11);
    try {
      expect(await verify(ofNext)).toMatchObject({ userId: 7 });
      for (const kid of ['x', 'y', 'z'])
        await verify(`Bearer ${token({ header: { kid } })}`).catch(() => undefined);
      expect(fetches).toBe(2);
    } finally {
      clocks.restore();
    }
  });

  it.each([
    ['too weak', jwk(weak.publicKey, 'k1')],
    ['for encryption', jwk(own.publicKey, 'k1', { use: 'enc' })],
    ['for another algorithm', jwk(own.publicKey, 'k1', { alg: 'PS256' })],
  ])('does not take a key that is %s', async (_why, key) => {
    keys = [key, jwk(next.publicKey, 'k2')];
    const signer = _why === 'too weak' ? weak.privateKey : own.privateKey;
    await expect(verifier().verify(`Bearer ${token({}, signer)}`)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('answers 503 while it has no keys, and is ready as soon as the issuer answers', async () => {
    status = 500;
    const { verify, ready, isReady } = verifier();
    await expect(verify(`Bearer ${token()}`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      headers: { 'Retry-After': '1' },
    });
    expect(isReady()).toBe(false);
    status = 200;
    await ready();
    expect(isReady()).toBe(true);
    await expect(verify(`Bearer ${token()}`)).resolves.toMatchObject({ userId: 7 });
  });

  it('keeps working with the keys it has when the issuer goes away', async () => {
    const { verify, ready } = verifier();
    await ready();
    await keySet.close();
    const clocks = moveClocks();
    try {
      clocks.pass(601);
      const later = { iat: nowSeconds(), exp: nowSeconds() + 600 };
      await expect(verify(`Bearer ${token({ claims: later })}`)).resolves.toMatchObject({ userId: 7 });
    } finally {
      clocks.restore();
    }
  });
});
