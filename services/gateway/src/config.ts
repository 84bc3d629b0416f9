import { z } from 'zod';
import {
  durationMs,
  loadConfig,
  processEnvironment,
  tokenEnvironment,
  url,
} from '@orderflow/service-runtime/config';

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
