import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const LINUX = process.platform === 'linux';

/** The fields of /proc/<pid>/stat after the command, which stands in brackets and may itself hold spaces and brackets. */
function readStat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/**
 * When a process started, as a text that no other process of this machine ever has together with the same pid:
 * the boot's id and the start in clock ticks since then. Null when there is no such process (a zombie counts as none).
 */
export function startTimeOf(pid: number): string | null {
  if (!LINUX) {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
    } catch {
      return null;
    }
  }
  const fields = readStat(pid);
  const [state, ticks] = [fields?.[0], fields?.[19]];
  if (state === undefined || ticks === undefined || state === 'Z' || state === 'X') return null;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
}

/** Parent of a process; null when there is no such process or no /proc. */
export function parentOf(pid: number): number | null {
  const parent = Number(readStat(pid)?.[1] ?? 0);
  return parent > 0 ? parent : null;
}

/** Name of the program a process runs (`sh`, `node`), empty when there is no such process or no /proc. */
export function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The given processes and everything they started that still lives. Linux only; elsewhere just the given ones. */
export function withDescendants(pids: readonly number[]): number[] {
  if (!LINUX) return [...pids];
  const childrenOf = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? Number(readStat(pid)?.[1]) : NaN;
    if (Number.isInteger(parent)) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), pid]);
  }
  const found = new Set<number>();
  const open = [...pids];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    open.push(...(childrenOf.get(pid) ?? []));
  }
  return [...found];
}

/** Memory of processes in bytes, pages they share counted once (PSS). Null where the system does not tell. */
export function memoryOf(pids: readonly number[]): number | null {
  if (!LINUX) return null;
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It ended between the listing and this read.
    }
  }
  return kilobytes * 1024;
}

/** The processes whose environment sets a variable to this value, this one left out. Linux only; elsewhere none. */
export function processesWith(variable: string, value: string): number[] {
  if (!LINUX) return [];
  const wanted = `${variable}=${value}`;
  const pids = readdirSync('/proc').map(Number);
  return pids.filter((pid) => {
    if (!Number.isInteger(pid) || pid === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(wanted);
    } catch {
      return false;
    }
  });
}
