import { readFileSync } from 'node:fs';
import type { ProcessName } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';

const EVERY_MS = 100;

/** Resident memory of a process in bytes; 0 where the system does not tell, or when it has ended. */
function residentBytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export interface MemoryWatch {
  /** The most that each process has had since the watch began, in bytes. */
  peaks(): Readonly<Record<string, number>>;
  end(): void;
}

/** Looks at the memory of processes ten times a second. */
export function watchMemory(stack: RunningStack, names: readonly ProcessName[]): MemoryWatch {
  const { pids } = stack.current();
  const peaks = Object.fromEntries(names.map((name) => [name, residentBytes(pids[name])]));
  const timer = setInterval(() => {
    for (const name of names) peaks[name] = Math.max(peaks[name] ?? 0, residentBytes(pids[name]));
  }, EVERY_MS);
  return { peaks: () => ({ ...peaks }), end: () => clearInterval(timer) };
}

/** Files that a process has open, sockets included, as it says itself. */
export async function openFilesOf(stack: RunningStack, name: ProcessName): Promise<number> {
  const answer = await fetch(`${stack.current().internal[name]}/metrics`);
  return Number(/^process_open_fds\{[^}]*\} (\d+)$/m.exec(await answer.text())?.[1]);
}
