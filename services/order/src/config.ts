import { z } from 'zod';
import { durationMs, int, loadConfig, serviceEnvironment } from '@orderflow/service-runtime/config';

const schema = z
  .object({
    ...serviceEnvironment,
    /** An order that was overtaken and is older than this is undone … */
    ORDER_DEADLINE_MS: durationMs({ default: 60_000, min: 1_000 }),
    /** … and any open order older than this. */
    ORDER_MAX_AGE_MS: durationMs({ default: 300_000, min: 1_000 }),
    /** An order that waits longer for answers counts as stuck. */
    CANCEL_DEADLINE_MS: durationMs({ default: 60_000, min: 1_000 }),
    ORDER_MAX_OPEN: int({ default: 200_000, min: 1 }),
    SWEEP_PER_SECOND: int({ default: 200, min: 1, max: 1_000 }),
    REFUND_WINDOW_DAYS: int({ default: 30, max: 3_650 }),
    INTAKE_INTERVAL_MS: durationMs({ default: 25, max: 1_000 }),
    ADVANCE_INTERVAL_MS: durationMs({ default: 20, max: 1_000 }),
    /** Requests that wait for their order (`Prefer: wait`); further ones get their 202 at once. */
    WAITERS_MAX: int({ default: 1_000 }),
    /** Open order streams; further ones are refused. */
    STREAMS_MAX: int({ default: 10_000 }),
    POISON_PER_MINUTE: int({ default: 20 }),
  })
  .refine((config) => config.ORDER_MAX_AGE_MS >= config.ORDER_DEADLINE_MS, {
    path: ['ORDER_MAX_AGE_MS'],
    message: 'must not be below ORDER_DEADLINE_MS',
  });

export type OrderConfig = z.output<typeof schema>;

/** @throws ConfigError naming every problem at once */
export function orderConfig(env: Readonly<Record<string, string | undefined>>): OrderConfig {
  return loadConfig(schema, env);
}
