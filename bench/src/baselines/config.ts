import { z } from 'zod';
import { port, tokenEnvironment, url } from '@orderflow/service-runtime/config';

/** What every baseline's process reads from its environment. */
export const baselineEnvironment = {
  PORT: port(),
  DATABASE_URL: url('postgres', 'postgresql'),
  ...tokenEnvironment,
};

export const monolithConfig = z.object(baselineEnvironment);

export type BaselineConfig = z.output<typeof monolithConfig>;
