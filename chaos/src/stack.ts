import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { StartFailure } from '@orderflow/local/failure';
import { isRunning } from '@orderflow/local/leftovers';
import { DETOUR_VARIABLES } from '@orderflow/local/ports';
import { readSettings, ROOT } from '@orderflow/local/settings';
import { readStack } from '@orderflow/local/stack-file';
import { planStack } from '@orderflow/testing/running-stack';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import type { Chaos } from './faults/chaos.ts';
import { mountVolume, unmount } from './faults/volume.ts';

const STATE_DIR = join(ROOT, '.local', 'chaos');
/** Three lines of three pieces cost more. */
const SETTINGS = { PAYMENT_LIMIT: '60.00', LOG_LEVEL: 'info' };

/** A stack to break: fresh, with a proxy before Kafka and Postgres and a volume of its own for the latter. */
export interface ChaosStack {
  readonly chaos: Chaos;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws StartFailure when another chaos run works in the same folder */
export async function prepareStack(env: Readonly<Record<string, string | undefined>>): Promise<ChaosStack> {
  const previous = readStack(STATE_DIR);
  if (previous !== null && isRunning(previous))
    throw new StartFailure(`Another run works in ${STATE_DIR} (process ${previous.launcher.pid}).`);
  const volumeDir = join(STATE_DIR, 'postgres');
  // A run that was killed leaves its volume mounted.
  unmount(volumeDir);
  rmSync(STATE_DIR, { recursive: true, force: true });
  const ways: Partial<Record<'kafka' | 'postgres', TcpProxy>> = {};
  const stack = await planStack({
    stateDir: STATE_DIR,
    variables: async (ports) => {
      ways.kafka = await createTcpProxy({ host: '127.0.0.1', port: ports.kafka });
      ways.postgres = await createTcpProxy({ host: '127.0.0.1', port: ports.postgres });
      return {
        ...SETTINGS,
        [DETOUR_VARIABLES.kafka]: String(ways.kafka.port),
        [DETOUR_VARIABLES.postgres]: String(ways.postgres.port),
      };
    },
  });
  const volume = mountVolume(volumeDir);
  const chaos: Chaos = { stack, settings: readSettings({ ...env, ...stack.variables }), ways, volume };
  return {
    chaos,
    start: () => stack.start(),
    async stop() {
      for (const way of Object.values(ways)) way.heal();
      await stack.stop();
      await Promise.all(Object.values(ways).map((way) => way.close()));
      if (volume) unmount(volumeDir);
    },
  };
}
