import type { Throughput } from '../measure.ts';
import type { BenchResult } from '../result.ts';
import { BESIDE_ABLATIONS, figuresOf, OURS, ordersPerSecond } from './entries.ts';
import { figure, NOTHING, whole, withSpread } from './figures.ts';
import { left, markdownTable, right, type Column } from './markdown-table.ts';
import { differences, ratios, summaryOf } from './statistics.ts';

export type Entry = readonly [name: string, rounds: readonly Throughput[]];

const cpuMs = (round: Throughput) => round.cpuMsPerOrder;

/** What stands beside the rates: a median over the rounds each, written as `text` says. */
const FIGURES: readonly (readonly [head: string, of: (round: Throughput) => number, text: typeof figure])[] =
  [
    ['CPU-ms', cpuMs, figure],
    ['fsyncs', (round) => round.fsyncsPerOrder, figure],
    ['WAL bytes', (round) => round.walBytesPerOrder, whole],
    ['commits', (round) => round.commitsPerOrder, figure],
    ['statements', (round) => round.statementsPerOrder, figure],
    ['ack p50, ms', (round) => round.ack.p50Ms, figure],
    ['ack p99, ms', (round) => round.ack.p99Ms, figure],
    ['generator CPU-ms', (round) => round.generatorCpuMsPerOrder, figure],
    ['foreign CPU, %', (round) => round.foreignPercent, figure],
    ['open at the end', (round) => round.openAtEnd, whole],
    ['4xx and 5xx', (round) => round.refused, whole],
  ];

const rate: Column<Entry> = right('orders/s', ([, rounds]) =>
  withSpread(summaryOf(rounds.map(ordersPerSecond))),
);

/** Ratio to ours, or to ours under another name, in each round. */
function timesOurs(result: BenchResult, base = OURS): Column<Entry> {
  const ours = figuresOf(result, base, ordersPerSecond);
  return right('× ours', ([, rounds]) => withSpread(summaryOf(ratios(rounds.map(ordersPerSecond), ours))));
}

/** Orders a second of each entry, and what an order costs there. */
export function armsTable(result: BenchResult, entries: readonly Entry[]): string[] {
  const figures = FIGURES.map(([head, of, text]) =>
    right<Entry>(head, ([, rounds]) => {
      const summary = summaryOf(rounds.map(of));
      return summary ? text(summary.median) : NOTHING;
    }),
  );
  return markdownTable<Entry>(
    [
      left('entry', ([name]) => name),
      right('rounds', ([, rounds]) => String(rounds.length)),
      rate,
      timesOurs(result),
      ...figures,
    ],
    entries,
  );
}

const signed = (value: number) => (value > 0 ? `+${figure(value)}` : figure(value));

/** What is lost without each technique: rates and CPU time beside those of ours in the same rounds. */
export function ablationsTable(result: BenchResult, entries: readonly Entry[]): string[] {
  const base = BESIDE_ABLATIONS in result.throughput ? BESIDE_ABLATIONS : OURS;
  const oursCpu = figuresOf(result, base, cpuMs);
  return markdownTable<Entry>(
    [
      left('entry', ([name]) => name),
      left('what is changed', ([name]) => result.entries[name] ?? ''),
      rate,
      timesOurs(result, base),
      right('CPU-ms more', ([, rounds]) =>
        withSpread(summaryOf(differences(rounds.map(cpuMs), oursCpu)), signed),
      ),
    ],
    entries,
  );
}
