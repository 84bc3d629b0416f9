import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { errors as joseErrors, jwtVerify, type JWSHeaderParameters, type JWTPayload } from 'jose';
import type { Logger } from './logger.ts';
import { problem, type Problem } from './problem.ts';

export type Role = 'operator' | 'admin';

/** Who calls, as the token says. */
export interface Caller {
  readonly userId: number;
  /** An admin's set holds `operator` too. */
  readonly roles: ReadonlySet<Role>;
  /** Milliseconds since 1970; a stream of this caller ends then. */
  readonly expiresAt: number;
}

export interface TokenVerifier {
  /**
   * Checks the value of an Authorization header.
   * @throws Problem UNAUTHENTICATED, or UNAVAILABLE while no key has been fetched yet
   */
  verify: (authorization: string | undefined) => Promise<Caller>;
  /** Resolves once the issuer's keys are known; tries for as long as the process lives. */
  ready: () => Promise<void>;
  /** True once keys are known. */
  isReady: () => boolean;
  /** Ends the tries of `ready`. */
  close: () => void;
}

/** A check costs 29 µs, so checked tokens are kept by their full text until they expire. */
const cachedTokensMax = 10_000;
const tokenCharactersMax = 4_096;
/** Clocks of issuer and service may differ by this much. */
const clockToleranceSeconds = 5;
/** Unknown key ids may cause one fetch in this time, whoever sends them. */
const refetchIntervalMs = 10_000;
/** While no keys are known at all: `ready` tries by itself, requests add at most this. */
const firstFetchIntervalMs = 500;
/** A key that the issuer withdraws is forgotten after this time. */
const keysMaxAgeMs = 600_000;

export interface TokenVerifierOptions {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly logger: Logger;
  /** A token that lives longer than this from now is refused; 15 minutes by default. */
  readonly lifetimeMaxSeconds?: number;
}

/**
 * Checks access tokens: RS256 only, `typ` at+jwt, issuer, audience, `sub` a user id, an end at most 15 minutes away,
 * signed by a key of the fetched set. Keys named or carried by a token itself (jku, jwk, x5u, x5c) are never used: such
 * a token is refused.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, lifetimeMaxSeconds = 900 } = options;
  const checked = new Map<string, Caller>();
  // What a withdrawn key has signed counts no longer, however lately it was checked.
  const keys = createKeySet(options.jwksUrl, options.logger, () => checked.clear());

  const keyFor = async (header: JWSHeaderParameters): Promise<KeyObject> => {
    if (header.jku !== undefined || header.jwk !== undefined || 'x5u' in header || 'x5c' in header) {
      throw refused('the token brings a key of its own');
    }
    const key = header.kid === undefined ? undefined : await keys.find(header.kid);
    if (!key) throw refused('the token is signed by an unknown key');
    return key;
  };

  const check = async (authorization: string): Promise<Caller> => {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1];
    if (token === undefined || authorization.length > tokenCharactersMax)
      throw refused('the token is not a JWT');
    const verified = await jwtVerify(token, keyFor, {
      algorithms: ['RS256'],
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockToleranceSeconds,
    }).catch((error: unknown) => {
      throw error instanceof joseErrors.JOSEError ? refused('the access token is not valid', error) : error;
    });
    return callerOf(verified.payload, lifetimeMaxSeconds);
  };

  return {
    ready: keys.ready,
    isReady: keys.isReady,
    close: keys.close,
    async verify(authorization) {
      if (authorization === undefined) throw refused('send an access token: Authorization: Bearer …');
      const known = checked.get(authorization);
      if (known) {
        checked.delete(authorization);
        if (known.expiresAt > Date.now()) {
          checked.set(authorization, known);
          keys.refreshWhenOld();
          return known;
        }
      }
      const caller = await check(authorization);
      if (checked.size >= cachedTokensMax) checked.delete(checked.keys().next().value ?? '');
      checked.set(authorization, caller);
      return caller;
    },
  };
}

function refused(detail: string, cause?: unknown): Problem {
  const challenge = detail.startsWith('send') ? '' : ', error="invalid_token"';
  return problem('UNAUTHENTICATED', {
    detail,
    headers: { 'WWW-Authenticate': `Bearer realm="orderflow"${challenge}` },
    cause,
  });
}

function callerOf(payload: JWTPayload, lifetimeMaxSeconds: number): Caller {
  const { sub = '', exp = 0, iat, roles = [] } = payload;
  const nowSeconds = Date.now() / 1000;
  if (exp > nowSeconds + lifetimeMaxSeconds + clockToleranceSeconds)
    throw refused('the token lives too long');
  if (iat !== undefined && iat > nowSeconds + clockToleranceSeconds)
    throw refused('the token is from the future');
  const userId = /^[1-9]\d{0,15}$/.test(sub) ? Number(sub) : NaN;
  if (!Number.isSafeInteger(userId)) throw refused('the subject is not a user id');
  if (!Array.isArray(roles)) throw refused('the roles are not a list');
  const held = new Set<Role>();
  if (roles.includes('operator')) held.add('operator');
  if (roles.includes('admin')) held.add('admin').add('operator');
  return { userId, roles: held, expiresAt: exp * 1000 };
}

interface KeySet {
  find: (kid: string) => Promise<KeyObject | undefined>;
  /** For callers whose tokens need no key any more: what is withdrawn is noticed without them waiting. */
  refreshWhenOld: () => void;
  ready: () => Promise<void>;
  isReady: () => boolean;
  close: () => void;
}

function createKeySet(jwksUrl: string, logger: Logger, onWithdrawn: () => void): KeySet {
  let keys: ReadonlyMap<string, KeyObject> | null = null;
  // By the steady clock: a machine's time that is set back must not keep old keys in use.
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let running: Promise<void> | null = null;
  let closed = false;

  const refetch = (): Promise<void> => {
    running ??= (async () => {
      triedAt = performance.now();
      try {
        const before = keys;
        keys = await fetchKeys(jwksUrl);
        fetchedAt = performance.now();
        if (before && withdrawn(before, keys)) onWithdrawn();
      } finally {
        running = null;
      }
    })();
    return running;
  };
  const tryRefetch = (): Promise<void> =>
    refetch().catch((error: unknown) => logger.warn({ err: error, jwksUrl }, 'keys could not be fetched'));
  const isOld = () => performance.now() - fetchedAt > keysMaxAgeMs;
  const mayTry = () => performance.now() - triedAt > (keys ? refetchIntervalMs : firstFetchIntervalMs);

  const firstFetch = async (): Promise<void> => {
    for (let delayMs = 100; !keys && !closed; delayMs = Math.min(delayMs * 2, 2_000)) {
      try {
        await refetch();
      } catch (error) {
        logger.debug({ err: error, jwksUrl }, 'the issuer does not answer yet; trying again');
        await wait(delayMs, undefined, { ref: false });
      }
    }
  };
  let first: Promise<void> | null = null;

  return {
    isReady: () => keys !== null,
    close() {
      closed = true;
    },
    ready: () => (first ??= firstFetch()),
    refreshWhenOld() {
      if (isOld() && mayTry()) void tryRefetch();
    },
    async find(kid) {
      if ((!keys?.has(kid) || isOld()) && mayTry()) await tryRefetch();
      // The first fetch is everybody's: who comes while it runs waits for it.
      else if (!keys && running) await running.catch(() => undefined);
      if (!keys) throw notKnownYet();
      return keys.get(kid);
    },
  };
}

function notKnownYet(): Problem {
  const detail = "the token issuer's keys are not known yet";
  return problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' } });
}

function withdrawn(before: ReadonlyMap<string, KeyObject>, now: ReadonlyMap<string, KeyObject>): boolean {
  return [...before].some(([kid, key]) => !now.get(kid)?.equals(key));
}

/** Keys that can check RS256 and have an id; weaker than 2048 bits is left out, as RFC 7518 asks. */
async function fetchKeys(jwksUrl: string): Promise<ReadonlyMap<string, KeyObject>> {
  const response = await fetch(jwksUrl, { signal: AbortSignal.timeout(2_000), redirect: 'error' });
  if (!response.ok) throw new Error(`${jwksUrl} answered ${response.status}`);
  const set = (await response.json()) as {
    keys?: readonly (JsonWebKey & { kid?: string; alg?: string; use?: string })[];
  };
  const usable = (set.keys ?? []).filter(
    (key) =>
      key.kty === 'RSA' &&
      key.kid !== undefined &&
      (key.alg ?? 'RS256') === 'RS256' &&
      (key.use ?? 'sig') === 'sig',
  );
  const pairs = usable.map((key) => [String(key.kid), createPublicKey({ key, format: 'jwk' })] as const);
  const strong = pairs.filter(([, key]) => (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048);
  if (strong.length === 0) throw new Error(`${jwksUrl} has no RSA key of 2048 bits or more with an id`);
  return new Map(strong);
}
