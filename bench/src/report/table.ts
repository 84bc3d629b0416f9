import type { BenchResult } from '../result.ts';
import { entriesOf, figuresOf, OURS, ordersPerSecond } from './entries.ts';
import { figure, withSpread } from './figures.ts';
import { median, ratios, summaryOf } from './statistics.ts';

const HEAD = ['entry', 'rounds', 'orders/s', '× ours', 'CPU-ms', 'fsyncs'];

/** What is known so far, a line an entry under a head; costs are an order's. No lines before the first round. */
export function liveTable(throughput: BenchResult['throughput']): string[] {
  const ours = figuresOf({ throughput }, OURS, ordersPerSecond);
  const rows = entriesOf(throughput).map(([name, rounds]) => {
    const rates = rounds.map(ordersPerSecond);
    return [
      name,
      String(rounds.length),
      figure(median(rates)),
      withSpread(summaryOf(ratios(rates, ours))),
      figure(median(rounds.map(({ cpuMsPerOrder }) => cpuMsPerOrder))),
      figure(median(rounds.map(({ fsyncsPerOrder }) => fsyncsPerOrder))),
    ];
  });
  return rows.length === 0 ? [] : aligned([HEAD, ...rows]);
}

/** The first column stands left, the others right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}

/** Where a run of the bench is. */
export interface Position {
  /** Of `steps`, from 1: the one that begins now. */
  readonly step: number;
  readonly steps: number;
  readonly entry: string;
  readonly round: number;
  readonly rounds: number;
  /** Since the first step began. */
  readonly elapsedMs: number;
}

/** `[12/40] monolith-pg, round 3 of 5 … about 14 min left`; nobody knows before the first step is over. */
export function progressLine({ step, steps, entry, round, rounds, elapsedMs }: Position): string {
  const here = `[${step}/${steps}] ${entry}, round ${round} of ${rounds}`;
  if (step <= 1) return here;
  const leftMs = (elapsedMs / (step - 1)) * (steps - step + 1);
  const left = leftMs < 60_000 ? 'less than a minute' : `about ${Math.round(leftMs / 60_000)} min`;
  return `${here} … ${left} left`;
}
