import { z } from 'zod';
import { jsonId } from '@orderflow/service-runtime/fields';
import { defineRoute, type Route } from '@orderflow/service-runtime/route';
import type { SigningKey } from '../signing-key.ts';

const tokenRequest = z
  .strictObject({
    userId: jsonId,
    roles: z
      .array(z.enum(['operator', 'admin']))
      .max(2)
      .default([]),
  })
  .meta({ examples: [{ userId: 1, roles: ['admin'] }] });

const tokenAnswer = z
  .strictObject({ accessToken: z.string(), expiresIn: z.int().describe('Seconds.') })
  .meta({ id: 'AccessToken', examples: [{ accessToken: 'eyJhbGciOiJSUzI1NiIs…', expiresIn: 900 }] });

const keySet = z.strictObject({ keys: z.array(z.looseObject({ kid: z.string() })) }).meta({
  examples: [{ keys: [{ kid: 'u3wc…', kty: 'RSA', alg: 'RS256', use: 'sig', n: 'x1Zr…', e: 'AQAB' }] }],
});

/** Tokens for any user and role, and the key that checks them: for a local stack, never for production. */
export function localTokenRoutes(key: SigningKey): readonly Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/auth/token',
      caller: 'anyone',
      operationId: 'createLocalToken',
      summary: 'Get an access token for any user (local stack only)',
      body: tokenRequest,
      answers: { 200: tokenAnswer },
      problems: [],
      handle: async ({ body }) => ({
        status: 200,
        body: await key.sign(body),
        headers: { 'Cache-Control': 'no-store' },
      }),
    }),
    defineRoute({
      method: 'GET',
      path: '/.well-known/jwks.json',
      caller: 'anyone',
      operationId: 'getSigningKeys',
      summary: 'The public keys that check access tokens (local stack only)',
      answers: { 200: keySet },
      problems: [],
      handle: () => ({ status: 200, body: { keys: [{ ...key.publicJwk, kid: String(key.publicJwk.kid) }] } }),
    }),
  ];
}
