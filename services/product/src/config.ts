import { durationMs, int, loadConfig, serviceEnvironment } from '@orderflow/service-runtime/config';
import { z } from 'zod';

const schema = z.object({
  ...serviceEnvironment,
  /** Parked messages a minute that pause a step, if they are 5 % of all as well; 0 turns it off. */
  POISON_PER_MINUTE: int({ default: 20 }),
  /** Whose calendar days daily sales are counted in. Rows keep the day they were written with. */
  SALES_TIME_ZONE: z.string().default('UTC').refine(isTimeZone, 'must be a time zone like UTC or Asia/Seoul'),
  /** Daily sales are written at most this often: nobody waits for them. */
  SALES_INTERVAL_MS: durationMs({ default: 200, max: 10_000 }),
});

export type ProductConfig = z.output<typeof schema>;

/** @throws ConfigError listing every problem */
export function productConfig(env: Readonly<Record<string, string | undefined>>): ProductConfig {
  return loadConfig(schema, env);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
