import { z } from 'zod';
import { amount, int, loadConfig, serviceEnvironment } from '@orderflow/service-runtime/config';

const environment = z.object({
  ...serviceEnvironment,
  /** What top-ups may fill a balance up to, inclusive; refunds may go beyond it. */
  BALANCE_MAX: amount({ default: '1000000.00' }),
  /** Parked messages a minute above which a step pauses, if they are also 5 % of all; 0 is off. */
  POISON_PER_MINUTE: int({ default: 20 }),
});

export type UserBalanceConfig = z.output<typeof environment>;

/** @throws ConfigError naming all problems at once */
export function userBalanceConfig(env: Readonly<Record<string, string | undefined>>): UserBalanceConfig {
  return loadConfig(environment, env);
}
