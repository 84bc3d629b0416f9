import { setTimeout as pause } from 'node:timers/promises';
import { startTimeOf } from '@orderflow/local/process-table';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { Chaos, Strike } from './chaos.ts';

/** A process that its launcher is just starting again is waited for. */
async function pidOf({ stack }: Chaos, name: string): Promise<number> {
  const alive = () => {
    const { pids, startTimes } = stack.current();
    const pid = pids[name];
    return pid !== undefined && startTimeOf(pid) === startTimes[name] ? pid : null;
  };
  return waitUntil(alive, { what: `a running ${name}`, timeoutMs: 60_000, intervalMs: 50 });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself, or by another fault.
  }
}

export const kill: Strike = async (chaos, { target }) => signal(await pidOf(chaos, target), 'SIGKILL');

/** Stops it without a word, and lets it go on as if nothing had been. */
export const freeze: Strike = async (chaos, { target, lastsMs }) => {
  const pid = await pidOf(chaos, target);
  signal(pid, 'SIGSTOP');
  try {
    await pause(lastsMs);
  } finally {
    signal(pid, 'SIGCONT');
  }
};

export const killLauncher: Strike = async ({ stack }) => {
  await stack.killLauncher();
  await stack.start();
};
