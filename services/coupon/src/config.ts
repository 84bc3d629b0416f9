import { z } from 'zod';
import { int, loadConfig, serviceEnvironment } from '@orderflow/service-runtime/config';

const environment = z.object({
  ...serviceEnvironment,
  /** Parked messages a minute above which a step pauses, if they are also 5 % of all; 0 is off. */
  POISON_PER_MINUTE: int({ default: 20 }),
});

export type CouponConfig = z.output<typeof environment>;

/** @throws ConfigError naming all problems at once */
export function couponConfig(env: Readonly<Record<string, string | undefined>>): CouponConfig {
  return loadConfig(environment, env);
}
