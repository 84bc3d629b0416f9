import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Arm } from '../arm.ts';
import { ours, type OursOptions } from '../arms/ours.ts';
import type { Ablation } from './ablations.ts';

const REGISTER = pathToFileURL(join(import.meta.dirname, 'register.js')).href;

/** The product without one of its techniques. Its other settings are those of the arm that it is compared with. */
export function ablated(ablation: Ablation, options: OursOptions): Arm {
  const { name, instead, env, nodeArgs = [], patches } = ablation;
  return ours({
    ...options,
    name,
    what: instead,
    env: { ...options.env, ...env, ORDERFLOW_BENCH_ABLATION: name },
    nodeArgs: [...(options.nodeArgs ?? []), ...nodeArgs, ...(patches ? ['--import', REGISTER] : [])],
  });
}
