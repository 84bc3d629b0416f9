import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describeExit, startChild, tailOf } from '@orderflow/local/child';
import type { ServiceName } from '@orderflow/local/ports';
import { startTimeOf } from '@orderflow/local/process-table';
import { NODE_ARGS, processEnv } from '@orderflow/local/services';
import { freePort } from '@orderflow/testing/free-port';
import type { Chaos, Strike } from './chaos.ts';

const ODD_CLOCK = fileURLToPath(new URL('./odd-clock.js', import.meta.url));

/**
 * Another instance of a service: it takes half of the partitions, sweeps, relays, and is killed in the midst of it. A
 * process that is gone is what its group finds out by itself.
 * @param seen what its log shows of it; it throws when that is nothing
 */
function secondInstance(nodeWords: readonly string[], seen: (log: string) => string): Strike {
  return async (chaos, { number, target, lastsMs }) => {
    const name = target as ServiceName;
    // Of this try alone: what an earlier one wrote is no sign of it.
    const log = join(chaos.stack.stateDir, 'logs', `${name}-second-${number}-${Date.now()}.log`);
    const child = startChild({
      command: process.execPath,
      args: [...NODE_ARGS, ...nodeWords, join('dist', 'main.js')],
      cwd: join(chaos.settings.root, 'services', name),
      env: await environment(chaos, name),
      log,
      ipc: true,
    });
    try {
      await Promise.race([pause(lastsMs), child.exited]);
    } finally {
      // Without a word before, unlike stop().
      if (startTimeOf(child.pid) !== null) process.kill(child.pid, 'SIGKILL');
    }
    const exit = await child.exited;
    if (exit.signal !== 'SIGKILL')
      throw new Error(`it ended by itself, ${describeExit(exit)}: ${tailOf(log, 1)}`);
    return seen(readFileSync(log, 'utf8'));
  };
}

async function environment({ settings, stack }: Chaos, name: ServiceName): Promise<Record<string, string>> {
  const ports = { ...settings.ports, [name]: await freePort(), [`${name}-internal`]: await freePort() };
  return processEnv(name, { ...settings, ports }, stack.current(), null);
}

/** It has joined its groups: a service says that it is ready when it has. */
function hasJoined(log: string): string {
  if (!log.includes('"msg":"ready"')) throw new Error('it was killed before it was ready');
  return 'joined';
}

const HOUR_MS = 3_600_000;

/** How far its clock was off the true one, which is now, at the most. */
function wasOff(log: string): string {
  const said = [...log.matchAll(/"clock":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  const hours = said.map((time) => Math.abs(time - Date.now()) / HOUR_MS);
  if (hours.length === 0) throw new Error('its clock never jumped');
  return `clock ${Math.max(...hours).toFixed(1)} h off`;
}

export const joinInstance = secondInstance([], hasJoined);
export const joinWithOddClock = secondInstance(['--import', ODD_CLOCK], wasOff);
