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

export const kill: Strike = async (chaos, { target }) => {
  const pid = await pidOf(chaos, target);
  process.kill(pid, 'SIGKILL');
  return `process ${pid}`;
};

/** Stops it without a word, and lets it go on as if nothing had been. */
export const freeze: Strike = async (chaos, { target, lastsMs }) => {
  const pid = await pidOf(chaos, target);
  const started = startTimeOf(pid);
  process.kill(pid, 'SIGSTOP');
  try {
    await pause(lastsMs);
  } finally {
    // Another fault may have killed it.
    if (startTimeOf(pid) === started) process.kill(pid, 'SIGCONT');
  }
  return `process ${pid}`;
};

export const killLauncher: Strike = async ({ stack }) => {
  const { pid } = stack.current().launcher;
  await stack.killLauncher();
  await stack.start();
  return `process ${pid}, now ${stack.current().launcher.pid}`;
};
