import { setTimeout as pause } from 'node:timers/promises';
import { cpuOf } from '../accounting/cpu.ts';
import type { RunningArm } from '../arm.ts';
import type { StartedBackends } from '../backends.ts';
import type { BenchResult } from '../result.ts';
import { endAtRest, type Report } from './at-rest.ts';

/**
 * What the last orders left to do (rows to delete, offsets to commit, totals to count, tables to vacuum, once a minute)
 * is over after it: seconds after half of the peak a stack took 12.5 % of a core, 75 s after it 8.3.
 */
const SETTLE_MS = 75_000;

/** CPU time of every counted process while nobody orders, in per cent of one core; read in ticks of 10 ms. */
export async function measureIdle(
  arm: RunningArm,
  backends: StartedBackends,
  seconds: number,
  report: Report,
): Promise<NonNullable<BenchResult['idle']>> {
  await endAtRest(arm);
  // Else the pages that the load left are written over minutes, while idle costs and single orders are measured.
  await backends.admin.query('CHECKPOINT');
  report(`idle: ${SETTLE_MS / 1000} s until what the orders left to do is over`);
  await pause(SETTLE_MS);
  report(`idle: nobody orders for ${seconds} s`);
  const counted = [...backends.processes, ...arm.processes];
  const before = cpuOf(counted);
  const startedAt = performance.now();
  await pause(seconds * 1000);
  const wallMs = performance.now() - startedAt;
  const byProcess = Object.fromEntries(
    [...cpuOf(counted)].map(([name, ms]) => [name, ((ms - (before.get(name) ?? 0)) / wallMs) * 100]),
  );
  const cpuPercent = Object.values(byProcess).reduce((sum, percent) => sum + percent, 0);
  return { cpuPercent, byProcess, seconds };
}
