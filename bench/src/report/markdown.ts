import type { BenchResult, LatencyRun } from '../result.ts';
import { ablationsTable, armsTable } from './arm-tables.ts';
import { cpuByProcess, entriesOf, figuresOf, isAblation, OURS, type ProcessCpu } from './entries.ts';
import { figure, whole } from './figures.ts';
import { judge, type GoalResult } from './goals.ts';
import { left, markdownTable, right } from './markdown-table.ts';
import { batchesTable, kafkaRequestsTable, memoryTable } from './ours-tables.ts';
import { scenarioLines } from './scenario-lines.ts';
import { median } from './statistics.ts';

/** A heading with what belongs under it; nothing when there is nothing. */
function section(heading: string, blocks: readonly string[]): string[] {
  return blocks.length === 0 ? [] : [`## ${heading}`, ...blocks];
}

/** One block, a line each; none without lines. */
function bullets(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [lines.map((line) => `- ${line}`).join('\n')];
}

function introduction(result: BenchResult): string[] {
  const { commit, machine, startedAt, seconds, rounds, quick } = result;
  const place = `${machine.cpu}, ${machine.cores} cores, ${whole(machine.memoryGb)} GB, ${machine.os}`;
  const versions = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
  const settings = Object.entries(result.settings).map(([name, value]) => `\`${name}=${value}\``);
  const turns = rounds === 1 ? 'One round' : `${rounds} rounds, the entries in turn`;
  const sentences = [
    `Commit \`${commit}\` on ${[place, ...versions].join('; ')}.`,
    `${turns}, ${whole(seconds / 60)} min in all.`,
    ...(settings.length > 0 ? [`Settings: ${settings.join(', ')}.`] : []),
    'Costs are those of an order that was paid or cancelled; medians over the rounds, with [min–max].',
    'Ratios are taken within each round, because the machine drifts between rounds.',
  ];
  return [
    `# Benchmark of ${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    ...(quick ? ['**Quick: one round and fewer arms. A first look, not a result.**'] : []),
    sentences.join(' '),
  ];
}

function arms(result: BenchResult): string[] {
  const entries = entriesOf(result.throughput).filter(([name]) => !isAblation(name));
  const described = entries.filter(([name]) => result.entries[name] !== undefined);
  return [
    ...armsTable(result, entries),
    ...bullets(described.map(([name]) => `${name}: ${result.entries[name] ?? ''}`)),
  ];
}

function goals(result: BenchResult): string[] {
  return markdownTable<GoalResult>(
    [
      left('goal', ({ id }) => id),
      left('measure', ({ measure }) => measure),
      right('must', ({ must }) => must),
      right('aim', ({ aim }) => aim),
      right('value', ({ value }) => value),
      right('spread', ({ spread }) => spread),
      left('verdict', ({ verdict }) => verdict),
    ],
    judge(result),
  );
}

function processes(result: BenchResult): string[] {
  return markdownTable<ProcessCpu>(
    [
      left('process', ({ process }) => process),
      right('CPU, µs an order', ({ cpuUsPerOrder }) => figure(cpuUsPerOrder)),
      right('share', ({ share }) => `${whole(share * 100)} %`),
    ],
    cpuByProcess(result.throughput[OURS] ?? []),
  );
}

function latencies({ latency }: BenchResult): string[] {
  return markdownTable<LatencyRun>(
    [
      left('load', ({ name }) => name),
      left('arm', ({ arm }) => arm),
      right('orders/s', ({ rate }) => figure(rate)),
      right('orders', ({ paid }) => whole(paid.n)),
      right('ack p50, ms', ({ ack }) => figure(ack.p50Ms)),
      right('ack p99, ms', ({ ack }) => figure(ack.p99Ms)),
      right('paid p50, ms', ({ paid }) => figure(paid.p50Ms)),
      right('paid p90, ms', ({ paid }) => figure(paid.p90Ms)),
      right('paid p99, ms', ({ paid }) => figure(paid.p99Ms)),
      right('paid max, ms', ({ paid }) => figure(paid.maxMs)),
      right('failed', ({ failed }) => whole(failed)),
      right('CPU, % of a core', ({ cpuPercent }) => figure(cpuPercent)),
      right('generator CPU, %', ({ generatorCpuPercent }) => figure(generatorCpuPercent)),
    ],
    latency,
  );
}

function floor(result: BenchResult): string[] {
  if (!result.floor) return [];
  const { parts, cpuMsPerOrder } = result.floor;
  const table = markdownTable<[string, number]>(
    [left('part', ([part]) => part), right('CPU, µs an order', ([, us]) => figure(us))],
    [...Object.entries(parts), ['all', cpuMsPerOrder * 1000]],
  );
  const ours = figuresOf(result, OURS, (round) => round.cpuMsPerOrder);
  if (ours.length === 0) return table;
  const costs = median(ours);
  return [
    ...table,
    `Ours takes ${figure(costs)} CPU-ms an order: ${figure(costs / cpuMsPerOrder)}× the floor.`,
  ];
}

/**
 * The report of a run: what was not run has no heading. Formatted as prettier would, since results are checked in.
 * @param chart the picture's file name beside the report
 */
export function reportMarkdown(result: BenchResult, chart: string): string {
  const entries = entriesOf(result.throughput);
  const ablations = entries.filter(([name]) => isAblation(name));
  const ours = result.throughput[OURS] ?? [];
  const blocks = [
    ...introduction(result),
    ...(entries.length > 0 ? [`![Orders a second by arm, CPU by process](${chart})`] : []),
    ...section('Goals', goals(result)),
    ...section('Arms', arms(result)),
    ...section('CPU of ours by process', processes(result)),
    ...section('Batches of ours by step', batchesTable(ours)),
    ...section('Requests of ours to Kafka', kafkaRequestsTable(ours)),
    ...section('Memory of ours', memoryTable(ours)),
    ...section('Latency', latencies(result)),
    ...section('Scenarios', bullets(scenarioLines(result))),
    ...section('Ablations', ablationsTable(result, ablations)),
    ...section('Floor', floor(result)),
  ];
  return `${blocks.join('\n\n')}\n`;
}
