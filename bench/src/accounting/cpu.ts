import { readFileSync } from 'node:fs';
import { withDescendants } from '@orderflow/local/process-table';
import type { CountedProcess } from '../arm.ts';

/** Linux counts CPU time in ticks of 10 ms, whatever the kernel's own timer. */
const MS_PER_TICK = 10;

/** The times of /proc/<pid>/stat, ms; `own` is the process itself, `ended` its children that have ended. */
function timesOf(pid: number | 'self'): { own: number; ended: number } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
    return { own: (user + system) * MS_PER_TICK, ended: (endedUser + endedSystem) * MS_PER_TICK };
  } catch {
    // It has ended: its parent counts it now.
    return { own: 0, ended: 0 };
  }
}

/** CPU time, user and system, of children of this process that have ended, ms. */
export function cpuOfEndedChildren(): number {
  return timesOf('self').ended;
}

/** CPU time of each process since its start, its children included, ms, by name. */
export function cpuOf(processes: readonly CountedProcess[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { name, pid } of processes) {
    const [parent, ...children] = withDescendants([pid]);
    const { own, ended } = timesOf(parent ?? pid);
    const sum = children.reduce((total, child) => total + timesOf(child).own, own + ended);
    times.set(name, (times.get(name) ?? 0) + sum);
  }
  return times;
}

/** Busy time of all cores since boot, ms: what no process of the bench took is foreign. */
export function machineBusyMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * MS_PER_TICK;
}
