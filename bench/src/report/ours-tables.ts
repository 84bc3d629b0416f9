import type { StepBatches } from '../accounting/service-metrics.ts';
import type { Throughput } from '../measure.ts';
import { figure, whole } from './figures.ts';
import { left, markdownTable, right } from './markdown-table.ts';
import { median } from './statistics.ts';

/** One value a key, the median over the rounds that have it. */
function medians(records: readonly (Readonly<Record<string, number>> | undefined)[]): [string, number][] {
  const keys = new Set(records.flatMap((record) => Object.keys(record ?? {})));
  return [...keys].map((key) => [key, median(records.flatMap((record) => record?.[key] ?? []))]);
}

/** Requests to Kafka an order, the most frequent first; below a thousandth they are left out. */
export function kafkaRequestsTable(rounds: readonly Throughput[]): string[] {
  const requests = medians(rounds.map(({ kafkaRequestsPerOrder }) => kafkaRequestsPerOrder));
  const frequent = requests.filter(([, count]) => count >= 0.001).toSorted(([, a], [, b]) => b - a);
  const all = requests.reduce((sum, [, count]) => sum + count, 0);
  return markdownTable<[string, number]>(
    [left('client and request', ([key]) => key), right('an order', ([, count]) => figure(count))],
    frequent.length === 0 ? [] : [...frequent, ['all', all]],
  );
}

interface StepRow extends StepBatches {
  readonly step: string;
}

/** How many messages a step's transactions had, all rounds together. */
export function batchesTable(rounds: readonly Throughput[]): string[] {
  const steps = new Map<string, StepRow>();
  for (const [step, found] of rounds.flatMap((round) => Object.entries(round.steps ?? {}))) {
    const known = steps.get(step);
    const sizes = { ...known?.sizes };
    for (const [size, count] of Object.entries(found.sizes)) sizes[size] = (sizes[size] ?? 0) + count;
    const batches = found.batches + (known?.batches ?? 0);
    steps.set(step, { step, batches, messages: found.messages + (known?.messages ?? 0), sizes });
  }
  const rows = [...steps.values()];
  const classes = [...new Set(rows.flatMap(({ sizes }) => Object.keys(sizes).map(Number)))].toSorted(
    (a, b) => a - b,
  );
  return markdownTable<StepRow>(
    [
      left('step', ({ step }) => step),
      right('batches', ({ batches }) => whole(batches)),
      right('messages a batch', ({ batches, messages }) => figure(messages / batches)),
      ...classes.map((size) =>
        right<StepRow>(`${size}–${2 * size - 1}`, ({ sizes }) => whole(sizes[String(size)] ?? 0)),
      ),
    ],
    rows,
  );
}

/** Memory of each process at the end of a round, MB. */
export function memoryTable(rounds: readonly Throughput[]): string[] {
  const memory = medians(rounds.map(({ memoryMb }) => memoryMb));
  const all = memory.reduce((sum, [, megabytes]) => sum + megabytes, 0);
  return markdownTable<[string, number]>(
    [left('process', ([name]) => name), right('MB', ([, megabytes]) => whole(megabytes))],
    memory.length === 0 ? [] : [...memory.toSorted(([, a], [, b]) => b - a), ['all', all]],
  );
}
