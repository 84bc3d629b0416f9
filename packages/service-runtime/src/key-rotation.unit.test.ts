import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { moveClocks, type MovedClocks } from '@orderflow/testing/moved-clocks';
import { startTokenIssuer, type TokenIssuer } from '@orderflow/testing/token-issuer';
import { waitUntil } from '@orderflow/testing/wait-until';
import request from 'supertest';
import { z } from 'zod';
import { createTokenVerifier, type TokenVerifier } from './auth.ts';
import { createHttpApp } from './http-app.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { defineRoute } from './route.ts';

const whoAmI = defineRoute({
  method: 'GET',
  path: '/v1/me',
  caller: 'user',
  summary: 'Who calls',
  answers: { 200: z.number() },
  problems: [],
  handle: ({ caller }) => ({ status: 200, body: caller.userId }),
});

describe('a service whose issuer changes its keys', () => {
  let clocks: MovedClocks;
  let issuer: TokenIssuer;
  let tokens: TokenVerifier;
  let app: ReturnType<typeof createHttpApp>;

  beforeEach(async () => {
    clocks = moveClocks();
    issuer = await startTokenIssuer();
    const logger = createLogger({ service: 'test', level: 'silent' });
    const { jwksUrl, audience } = issuer;
    tokens = createTokenVerifier({ jwksUrl, issuer: issuer.issuer, audience, logger });
    app = createHttpApp({
      routes: [whoAmI],
      verifyToken: tokens.verify,
      logger,
      metrics: createMetrics('test'),
    });
    await tokens.ready();
  });
  afterEach(async () => {
    clocks.restore();
    tokens.close();
    await issuer.close();
  });

  const pass = (seconds: number) => clocks.pass(seconds);
  const ask = async (authorization: string) =>
    (await request(app).get('/v1/me').set('Authorization', authorization)).status;
  /** A new token each time: a checked one is remembered. */
  let serial = 0;
  const fresh = (kid: string) => {
    // As long as a token may live: none ends by itself in a test that passes ten minutes.
    const exp = Math.floor(Date.now() / 1_000) + 900;
    return issuer.authorization(kid, { jti: String((serial += 1)), exp });
  };

  it('takes tokens of a new key with one more fetch, and those of the old one as long as it is published', async () => {
    issuer.addKey('second');
    pass(11);
    expect([await ask(fresh('second')), await ask(fresh('first')), await ask(fresh('second'))]).toEqual([
      200, 200, 200,
    ]);
    expect(issuer.asked()).toBe(2);
  });

  it('refuses a withdrawn key once its keys are ten minutes old, though other callers’ tokens are all remembered', async () => {
    issuer.addKey('second');
    pass(11);
    const [old, other] = [fresh('first'), fresh('second')];
    expect([await ask(old), await ask(other)]).toEqual([200, 200]);
    issuer.withdrawKey('first');
    expect(await ask(fresh('first'))).toBe(200);
    pass(500);
    expect(await ask(old)).toBe(200);
    pass(101);
    // Any caller's request has the keys fetched; nobody waits for it.
    expect(await ask(other)).toBe(200);
    await waitUntil(async () => (await ask(old)) === 401, { what: 'the end of the remembered token' });
    expect([await ask(fresh('first')), await ask(fresh('second'))]).toEqual([401, 200]);
    expect(issuer.asked()).toBe(3);
  });

  it('refuses a withdrawn key as soon when the machine’s clock was set back meanwhile', async () => {
    issuer.addKey('second');
    pass(11);
    expect(await ask(fresh('second'))).toBe(200);
    issuer.withdrawKey('first');
    clocks.set(-300);
    pass(601);
    expect([await ask(fresh('first')), await ask(fresh('second'))]).toEqual([401, 200]);
  });

  it('refuses the same id with another key as soon as it has seen it', async () => {
    const stolen = fresh('first');
    expect(await ask(stolen)).toBe(200);
    issuer.addKey('first');
    pass(601 - 300);
    issuer.addKey('second');
    expect(await ask(fresh('second'))).toBe(200);
    expect(await ask(stolen)).toBe(401);
  });

  it('asks the issuer once in ten seconds, whatever key ids it is sent', async () => {
    issuer.addKey('never published');
    issuer.withdrawKey('never published');
    pass(11);
    const flood = () => Promise.all(Array.from({ length: 100 }, () => ask(fresh('never published'))));
    expect(new Set([...(await flood()), ...(await flood())])).toEqual(new Set([401]));
    expect(issuer.asked()).toBe(2);
    pass(11);
    await flood();
    expect(issuer.asked()).toBe(3);
  });

  it('goes on with the keys it knows while the issuer is away, and asks it once in ten seconds', async () => {
    issuer.up(false);
    pass(601);
    for (let time = 0; time < 20; time += 1) expect(await ask(fresh('first'))).toBe(200);
    expect(issuer.asked()).toBe(2);
    issuer.up(true);
    issuer.addKey('second');
    pass(11);
    expect(await ask(fresh('second'))).toBe(200);
  });

  it('does not add to an issuer’s trouble when it has never answered', async () => {
    tokens.close();
    issuer.up(false);
    const logger = createLogger({ service: 'test', level: 'silent' });
    const { jwksUrl, audience } = issuer;
    tokens = createTokenVerifier({ jwksUrl, issuer: issuer.issuer, audience, logger });
    const metrics = createMetrics('test');
    app = createHttpApp({ routes: [whoAmI], verifyToken: tokens.verify, logger, metrics });
    const startedAt = Date.now();
    const statuses = new Set<number>();
    for (let time = 0; time < 200; time += 1) statuses.add(await ask(fresh('first')));
    expect(statuses).toEqual(new Set([503]));
    expect(issuer.asked() - 1).toBeLessThanOrEqual(1 + (Date.now() - startedAt) / 500);
    issuer.up(true);
    await waitUntil(async () => (await ask(fresh('first'))) === 200);
  });
});
