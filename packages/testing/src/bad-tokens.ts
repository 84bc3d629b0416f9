import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Whom the right tokens come from and are meant for: the bad ones differ from those in one thing each. */
export interface TokenIssuerFacts {
  readonly issuer: string;
  readonly audience: string;
  /** The issuer's key and its id. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** Whose token it is, and what it may: `7` and `['operator']` by default. */
  readonly subject?: string;
  readonly roles?: readonly string[];
}

/**
 * A line of fixtures/bad-tokens.json. In `header` and `claims` null leaves a field out, "now+60" is a time, "x*5000" a
 * long text and "stranger's" a public key of somebody else.
 */
interface BadToken {
  readonly name: string;
  readonly authorization?: string | null;
  readonly signedBy?: 'nobody' | 'stranger' | 'public key as secret';
  readonly mangle?: 'doubled' | 'signature' | 'payload';
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const BAD_TOKENS = JSON.parse(
  readFileSync(new URL('../fixtures/bad-tokens.json', import.meta.url), 'utf8'),
) as readonly BadToken[];

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** What is wrong with each bad token, in a few words. */
export function badTokenNames(): string[] {
  return BAD_TOKENS.map(({ name }) => name);
}

/** The values of an Authorization header that every service must refuse, by their names; undefined: no header. */
export function badAuthorizations(facts: TokenIssuerFacts): ReadonlyMap<string, string | undefined> {
  return new Map(BAD_TOKENS.map((bad) => [bad.name, authorizationOf(bad, facts)]));
}

/** A token of the issuer, which differs from the right one by these fields. */
export function signToken(facts: TokenIssuerFacts, made: Omit<BadToken, 'name'> = {}): string {
  const claims = {
    iss: facts.issuer,
    aud: facts.audience,
    sub: facts.subject ?? '7',
    roles: facts.roles ?? ['operator'],
    iat: nowSeconds(),
    exp: nowSeconds() + 600,
    ...valuesOf(made.claims, facts),
  };
  const header = { alg: 'RS256', typ: 'at+jwt', kid: facts.kid, ...valuesOf(made.header, facts) };
  const content = `${base64(header)}.${base64(claims)}`;
  return `${content}.${signatureOf(content, header.alg, made.signedBy, facts)}`;
}

function valuesOf(given: BadToken['header'], { kid }: TokenIssuerFacts): Record<string, unknown> {
  const value = (text: unknown) => {
    if (text === null) return undefined;
    if (text === "stranger's") return { ...stranger.publicKey.export({ format: 'jwk' }), kid };
    const [, seconds] = /^now([+-]\d+)$/.exec(typeof text === 'string' ? text : '') ?? [];
    if (seconds !== undefined) return nowSeconds() + Number(seconds);
    const [, times] = /^x\*(\d+)$/.exec(typeof text === 'string' ? text : '') ?? [];
    return times === undefined ? text : 'x'.repeat(Number(times));
  };
  return Object.fromEntries(Object.entries(given ?? {}).map(([name, text]) => [name, value(text)]));
}

function signatureOf(
  content: string,
  alg: string,
  signedBy: BadToken['signedBy'],
  { privateKey }: TokenIssuerFacts,
): string {
  if (signedBy === 'nobody') return '';
  if (signedBy === 'public key as secret') {
    const secret = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
    return createHmac('sha256', secret).update(content).digest('base64url');
  }
  const hash = alg.endsWith('512') ? 'sha512' : 'sha256';
  const key = signedBy === 'stranger' ? stranger.privateKey : privateKey;
  // 6 is RSA_PKCS1_PSS_PADDING, 1 is RSA_PKCS1_PADDING.
  const padding = alg.startsWith('PS') ? 6 : 1;
  return sign(hash, Buffer.from(content), { key, padding }).toString('base64url');
}

function authorizationOf(bad: BadToken, facts: TokenIssuerFacts): string | undefined {
  if (bad.authorization !== undefined) return bad.authorization ?? undefined;
  const good = signToken(facts, bad);
  const [header = '', payload = '', signature = ''] = good.split('.');
  if (bad.mangle === 'doubled') return `Bearer ${good}, Bearer ${good}`;
  if (bad.mangle === 'payload') {
    const forged = { iss: facts.issuer, aud: facts.audience, sub: '1', exp: nowSeconds() + 600 };
    return `Bearer ${header}.${base64(forged)}.${signature}`;
  }
  if (bad.mangle === 'signature') {
    const bytes = Buffer.from(signature, 'base64url');
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    return `Bearer ${header}.${payload}.${bytes.toString('base64url')}`;
  }
  return `Bearer ${good}`;
}
