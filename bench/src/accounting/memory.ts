import { memoryOf, withDescendants } from '@orderflow/local/process-table';
import type { CountedProcess } from '../arm.ts';

/** Memory of each process with its children, MB, by name. */
export function residentMb(processes: readonly CountedProcess[]): Record<string, number> {
  const megabytes: Record<string, number> = {};
  for (const { name, pid } of processes) {
    megabytes[name] = (megabytes[name] ?? 0) + (memoryOf(withDescendants([pid])) ?? 0) / 2 ** 20;
  }
  return megabytes;
}
