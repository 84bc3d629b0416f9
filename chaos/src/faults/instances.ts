import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '@orderflow/local/child';
import type { ServiceName } from '@orderflow/local/ports';
import { processEnv } from '@orderflow/local/services';
import { freePort } from '@orderflow/testing/free-port';
import type { Chaos, Strike } from './chaos.ts';

const ODD_CLOCK = fileURLToPath(new URL('./odd-clock.js', import.meta.url));

/**
 * Another instance of a service: it takes half of the partitions, sweeps, relays, and is killed in the midst of it. A
 * process that is gone is what its group finds out by itself.
 */
function secondInstance(nodeWords: readonly string[]): Strike {
  return async (chaos, { target, lastsMs }) => {
    const name = target as ServiceName;
    const child = startChild({
      command: process.execPath,
      args: [...nodeWords, '--enable-source-maps', join('dist', 'main.js')],
      cwd: join(chaos.settings.root, 'services', name),
      env: await environment(chaos, name),
      log: join(chaos.stack.stateDir, 'logs', `${name}-second.log`),
      ipc: true,
    });
    try {
      await pause(lastsMs);
    } finally {
      process.kill(child.pid, 'SIGKILL');
      await child.exited;
    }
  };
}

async function environment({ settings, stack }: Chaos, name: ServiceName): Promise<Record<string, string>> {
  const ports = { ...settings.ports, [name]: await freePort(), [`${name}-internal`]: await freePort() };
  return processEnv(name, { ...settings, ports }, stack.current(), null);
}

export const joinInstance = secondInstance([]);
export const joinWithOddClock = secondInstance(['--import', ODD_CLOCK]);
