import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A small OpenID issuer on 127.0.0.1: a key set that changes while the issuer lives, and tokens signed by its keys. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** Publishes one more key under this id. */
  addKey(kid: string): void;
  /** Publishes a key no longer; it can still sign, as a stolen key can. */
  withdrawKey(kid: string): void;
  /** An Authorization header's value. */
  authorization(kid: string, claims?: Readonly<Record<string, unknown>>): string;
  /** How often the key set was asked for. */
  asked(): number;
  /** False: answers 503 until it is true again. */
  up(isUp: boolean): void;
  close(): Promise<void>;
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Starts an issuer with one key, `first`. Times in tokens follow `Date.now`, so a test may move the clock. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const keys = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>();
  const published = new Set<string>();
  let asked = 0;
  let isUp = true;
  const server = createServer((_request, response) => {
    asked += 1;
    const set = [...published].map((kid) => ({
      ...keys.get(kid)?.publicKey.export({ format: 'jwk' }),
      kid,
      alg: 'RS256',
      use: 'sig',
    }));
    response.writeHead(isUp ? 200 : 503).end(JSON.stringify({ keys: set }));
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const audience = 'orderflow';
  const addKey = (kid: string) => {
    keys.set(kid, generateKeyPairSync('rsa', { modulusLength: 2048 }));
    published.add(kid);
  };
  addKey('first');
  return {
    issuer,
    audience,
    jwksUrl: `${issuer}/jwks`,
    addKey,
    withdrawKey: (kid) => void published.delete(kid),
    authorization(kid, claims = {}) {
      const key = keys.get(kid);
      if (!key) throw new Error(`the issuer never had a key ${kid}`);
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        iss: issuer,
        aud: audience,
        sub: '7',
        roles: [],
        iat: now,
        exp: now + 600,
        ...claims,
      };
      const content = `${part({ alg: 'RS256', typ: 'at+jwt', kid })}.${part(payload)}`;
      return `Bearer ${content}.${sign('sha256', Buffer.from(content), key.privateKey).toString('base64url')}`;
    },
    asked: () => asked,
    up: (value) => void (isUp = value),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
