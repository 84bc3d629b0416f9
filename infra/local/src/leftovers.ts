import { setTimeout as pause } from 'node:timers/promises';
import { startTimeOf } from './process-table.ts';
import type { Stack } from './stack-file.ts';

const ORDERLY_MS = 8000;

/** Whether the launcher that wrote this file still runs. */
export function isRunning(stack: Stack): boolean {
  return startTimeOf(stack.launcher.pid) === stack.launcher.startTime;
}

/** The processes of a stack file that still live: same pid and same start time. */
function survivors(stack: Stack): Array<{ name: string; pid: number }> {
  return Object.entries(stack.pids)
    .map(([name, pid]) => ({ name, pid }))
    .filter(({ name, pid }) => startTimeOf(pid) === stack.startTimes[name]);
}

function signalAll(stack: Stack, signal: (name: string) => NodeJS.Signals): void {
  for (const { name, pid } of survivors(stack)) {
    try {
      process.kill(pid, signal(name));
    } catch {
      // It ended between the look and the signal.
    }
  }
}

/**
 * Ends what a crashed launcher left behind: asks, waits up to 8 s, kills. A process that merely has an old pid of ours
 * is left alone.
 *
 * @returns the names of the processes that were still alive.
 */
export async function endLeftovers(stack: Stack): Promise<string[]> {
  const names = survivors(stack).map(({ name }) => name);
  signalAll(stack, (name) => (name === 'postgres' ? 'SIGINT' : 'SIGTERM'));
  const deadline = Date.now() + ORDERLY_MS;
  while (survivors(stack).length > 0 && Date.now() < deadline) await pause(50);
  signalAll(stack, () => 'SIGKILL');
  while (survivors(stack).length > 0) await pause(20);
  return names;
}
