import type { StartedBackends } from './backends.ts';
import { runContest } from './contest.ts';
import type { Entry } from './entries.ts';
import { describeCommit, describeMachine, describeSettings, describeVersions } from './machine.ts';
import type { Throughput } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { BESIDE_ABLATIONS, OURS } from './report/entries.ts';
import { liveTable, progressLine } from './report/table.ts';
import type { BenchResult } from './result.ts';
import type { OursOptions } from './arms/ours.ts';
import { runLatencies, runTrials } from './scenarios/run.ts';

export interface Bench {
  readonly backends: StartedBackends;
  readonly options: BenchOptions;
  readonly entries: { readonly compared: readonly Entry[]; readonly ablations: readonly Entry[] };
  readonly place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;
  readonly report: (line: string) => void;
}

const QUICK = [OURS, 'monolith-pg', 'naive'];
/** Of fifteen techniques most are worth more than the machine's noise: three rounds tell. */
const ABLATION_ROUNDS = 3;

/** Runs what the options ask for, part by part. @throws Error when an arm fails or its books are wrong */
export async function runBench({ backends, options, entries, place, report }: Bench): Promise<BenchResult> {
  const startedAt = new Date();
  const { quick, rounds, parts } = options;
  const compared = chosen(entries.compared, options);
  const ablations = quick ? [] : chosen(entries.ablations, options);
  const throughput: Record<string, Throughput[]> = {};
  const contest = (title: string, entries: readonly Entry[], rounds: number) => {
    if (entries.length === 0) return Promise.resolve();
    report(`\n${title}: ${entries.length} entries, ${rounds} rounds in turn.`);
    const began = performance.now();
    const steps = entries.length * rounds;
    let step = 0;
    return runContest(backends, {
      entries,
      rounds,
      onRun: (entry, round) =>
        report(
          progressLine({
            step: (step += 1),
            steps,
            entry,
            round,
            rounds,
            elapsedMs: performance.now() - began,
          }),
        ),
      onResult(entry, figures) {
        (throughput[entry] ??= []).push(figures);
        for (const line of liveTable(throughput)) report(line);
      },
    });
  };
  if (parts.includes('arms')) await contest('Arms', compared, rounds);
  const scenarios = { backends, place, throughput, report };
  const latencies = parts.includes('latency') ? await runLatencies(scenarios) : { latency: [] };
  if (parts.includes('ablations') && ablations.length > 0) {
    const beside = entries.compared
      .filter(({ name }) => name === OURS)
      .map((entry) => ({ ...entry, name: BESIDE_ABLATIONS }));
    await contest('Ablations', [...beside, ...ablations], Math.min(rounds, ABLATION_ROUNDS));
  }
  const trials = parts.includes('scenarios') ? await runTrials(scenarios) : { coupons: [] };
  return {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    quick,
    rounds,
    commit: describeCommit(place.root),
    machine: describeMachine(),
    versions: await describeVersions(backends),
    settings: await describeSettings(backends),
    entries: Object.fromEntries([...compared, ...ablations].map(({ name, what }) => [name, what])),
    throughput,
    ...latencies,
    ...trials,
  };
}

function chosen(entries: readonly Entry[], { quick, arms }: BenchOptions): Entry[] {
  const wanted = arms.length > 0 ? arms : quick ? QUICK : null;
  return entries.filter(({ name }) => wanted === null || wanted.includes(name));
}
