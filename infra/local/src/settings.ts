import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planDetours, planPorts, type Detours, type Ports } from './ports.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What the launcher takes from the environment and where things are. */
export interface LauncherSettings {
  /** The checkout. */
  readonly root: string;
  /** Data, logs, keys and stack.json of this stack. */
  readonly stateDir: string;
  /** What stacks of one checkout share: Kafka's jars. */
  readonly cacheDir: string;
  readonly ports: Ports;
  readonly detours: Detours;
  readonly env: Env;
}

export const STATE_DIR_VARIABLE = 'ORDERFLOW_STATE_DIR';

/** The checkout's folder: this file lies in infra/local/src or, built, in infra/local/dist. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/**
 * Settings of a launcher. ORDERFLOW_STATE_DIR moves the state (relative to the checkout), so that stacks can run side
 * by side.
 *
 * @throws StartFailure (78) naming everything that is wrong.
 */
export function readSettings(env: Env): LauncherSettings {
  const cacheDir = join(ROOT, '.local');
  const stateDir = env[STATE_DIR_VARIABLE];
  return {
    root: ROOT,
    cacheDir,
    stateDir: stateDir === undefined || stateDir === '' ? cacheDir : resolve(ROOT, stateDir),
    ports: planPorts(env),
    detours: planDetours(env),
    env,
  };
}
