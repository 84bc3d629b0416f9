import { z } from 'zod';
import { amount, int, loadConfig, serviceEnvironment } from '@orderflow/service-runtime/config';

const environment = z.object({
  ...serviceEnvironment,
  /** The largest total of one payment, inclusive. */
  PAYMENT_LIMIT: amount({ default: '500000.00' }),
  /** Parked messages a minute above which a step pauses, if they are also 5 % of all; 0 is off. */
  POISON_PER_MINUTE: int({ default: 20 }),
});

export type PaymentConfig = z.output<typeof environment>;

/** @throws ConfigError naming all problems at once */
export function paymentConfig(env: Readonly<Record<string, string | undefined>>): PaymentConfig {
  return loadConfig(environment, env);
}
