import type { StartedBackends } from '../backends.ts';
import type { OursOptions } from '../arms/ours.ts';
import type { Throughput } from '../measure.ts';
import type { Part } from '../options.ts';
import type { BenchResult } from '../result.ts';
import type { Report } from './at-rest.ts';

export interface Scenarios {
  readonly backends: StartedBackends;
  readonly place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;
  readonly parts: readonly Part[];
  /** What the arms have reached in this run: rates of the latency runs are halves of it. */
  readonly throughput: Readonly<Record<string, readonly Throughput[]>>;
  readonly report: Report;
}

/** The parts of a run besides throughput. */
export async function runScenarios(
  _scenarios: Scenarios,
): Promise<Pick<BenchResult, 'latency' | 'idle' | 'coupons' | 'backlog' | 'stop'>> {
  await Promise.resolve();
  return { latency: [], coupons: [] };
}
