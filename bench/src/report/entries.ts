import type { Throughput } from '../measure.ts';
import type { BenchResult } from '../result.ts';
import { median } from './statistics.ts';

/** The entry that all others are compared with. */
export const OURS = 'ours';

/** Ours again, in the rounds of the ablations: what they are compared with. */
export const BESIDE_ABLATIONS = 'ours-beside-ablations';

/** `without-coalescing`, `with-inbox`: ours with one technique switched off or one burden switched on. */
export const isAblation = (entry: string): boolean => /^with(out)?-/.test(entry);

/** The entries that were run, each with its rounds. */
export function entriesOf(throughput: BenchResult['throughput']): [string, readonly Throughput[]][] {
  return Object.entries(throughput).filter(([, rounds]) => rounds.length > 0);
}

/** One figure of an entry, round by round; none when the entry was not run. */
export function figuresOf(
  { throughput }: Pick<BenchResult, 'throughput'>,
  entry: string,
  figure: (round: Throughput) => number,
): number[] {
  return (throughput[entry] ?? []).map(figure);
}

export const ordersPerSecond = (round: Throughput): number => round.ordersPerSecond;

export interface ProcessCpu {
  readonly process: string;
  /** Median over the rounds. */
  readonly cpuUsPerOrder: number;
  /** Of the sum over all processes, 0 to 1. */
  readonly share: number;
}

/** Where an order's CPU time goes, the dearest process first; the generator is not among them. */
export function cpuByProcess(rounds: readonly Throughput[]): ProcessCpu[] {
  const processes = new Set(rounds.flatMap(({ cpuMs }) => Object.keys(cpuMs)));
  const costs = [...processes].map((process) => ({
    process,
    cpuUsPerOrder: median(rounds.map(({ cpuMs }) => (cpuMs[process] ?? 0) * 1000)),
  }));
  const sum = costs.reduce((total, { cpuUsPerOrder }) => total + cpuUsPerOrder, 0);
  return costs
    .map((cost) => ({ ...cost, share: cost.cpuUsPerOrder / sum }))
    .toSorted((a, b) => b.cpuUsPerOrder - a.cpuUsPerOrder);
}
