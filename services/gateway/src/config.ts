import { z } from 'zod';
import {
  durationMs,
  int,
  loadConfig,
  processEnvironment,
  tokenEnvironment,
  url,
} from '@orderflow/service-runtime/config';
import { noProxies, parseTrustedProxies } from './http/client-address.ts';

const schema = z
  .object({
    ...processEnvironment,
    ...tokenEnvironment,
    REDIS_URL: url('redis', 'rediss'),
    ORDER_URL: url('http', 'https'),
    PAYMENT_URL: url('http', 'https'),
    PRODUCT_URL: url('http', 'https'),
    COUPON_URL: url('http', 'https'),
    USER_BALANCE_URL: url('http', 'https'),
    /** A private key the gateway makes when missing; setting it turns the local token endpoint on. */
    LOCAL_SIGNING_KEY_FILE: z.string().optional(),
    /** Origins a browser may call from, separated by commas; * for any. Tokens are headers, never cookies. */
    CORS_ORIGINS: z
      .string()
      .default('*')
      .transform((text) => text.split(',').map((origin) => origin.trim())),
    /** A service that is silent for longer counts as away. Above `Prefer: wait=10` and the streams' 15 s heartbeat. */
    UPSTREAM_TIMEOUT_MS: durationMs({ default: 20_000, min: 100 }),
    /** Requests that may wait for one service at once; from half of it on `Prefer: wait` is not passed on. */
    UPSTREAM_WAITING_MAX: int({ default: 2_000, min: 1, max: 50_000 }),
    /** Open event streams. */
    STREAMS_MAX: int({ default: 4_000, min: 1, max: 50_000 }),
    /** Open event streams of one user. */
    STREAMS_PER_USER_MAX: int({ default: 250, min: 1, max: 50_000 }),
    /** Connections of callers. */
    CONNECTIONS_MAX: int({ default: 10_000, min: 1, max: 100_000 }),
    /** Requests a minute of one user, in any route; 0 is off. */
    RATE_LIMIT_PER_USER: int({ default: 600, max: 1_000_000_000 }),
    /** Requests a minute of one address, with or without a token; 0 is off. */
    RATE_LIMIT_PER_ADDRESS: int({ default: 6_000, max: 1_000_000_000 }),
    /** Proxies in front whose X-Forwarded-For is believed: their number or networks; none by default. */
    TRUST_PROXY: z
      .string()
      .optional()
      .transform((text, context) => {
        const proxies = text === undefined ? noProxies : parseTrustedProxies(text);
        if (proxies) return proxies;
        context.addIssue({ code: 'custom', message: 'must be a number of proxies or their networks' });
        return z.NEVER;
      }),
  })
  .refine((env) => env.NODE_ENV !== 'production' || env.LOCAL_SIGNING_KEY_FILE === undefined, {
    path: ['LOCAL_SIGNING_KEY_FILE'],
    error: 'the local token endpoint gives anyone any role: not with NODE_ENV=production',
    // Told together with the faults of the other variables.
    when: () => true,
  });

export type GatewayConfig = z.output<typeof schema>;

/** @throws ConfigError listing every problem */
export function gatewayConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  return loadConfig(schema, env);
}
