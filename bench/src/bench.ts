import { join } from 'node:path';
import type { StartedBackends } from './backends.ts';
import { runContest } from './contest.ts';
import { WARM_UP_S, type Entry } from './entries.ts';
import { describeCommit, describeMachine, describeSettings, describeVersions } from './machine.ts';
import type { Throughput } from './measure.ts';
import type { BenchOptions, Part } from './options.ts';
import { profileServices } from './profiles/profile-services.ts';
import { BESIDE_ABLATIONS, OURS } from './report/entries.ts';
import { liveTable, progressLine } from './report/table.ts';
import type { BenchResult } from './result.ts';
import type { OursOptions } from './arms/ours.ts';
import { measureFloor } from './floor/floor.ts';
import { raceForCoupons, runLatencies, runLimits, stopOneService, workOffBacklog } from './scenarios/run.ts';

export interface Bench {
  readonly backends: StartedBackends;
  readonly options: BenchOptions;
  readonly entries: { readonly compared: readonly Entry[]; readonly ablations: readonly Entry[] };
  readonly place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;
  readonly report: (line: string) => void;
  /** Told of what is known after each part, so that a part that fails takes nothing of the others with it. */
  readonly save: (result: BenchResult) => void;
}

const QUICK = [OURS, 'monolith-pg', 'naive'];

/**
 * Runs what the options ask for, part by part.
 * @returns what the parts that failed said; empty when all is measured
 */
export async function runBench(bench: Bench): Promise<string[]> {
  const { backends, options, entries, place, report } = bench;
  const { parts, quick, rounds, ablationRounds } = options;
  const compared = chosen(entries.compared, options);
  const ablations = quick ? [] : chosen(entries.ablations, options);
  const { found, throughput, describe } = await openResult(bench, [...compared, ...ablations]);
  const failures: string[] = [];
  const run = async (part: Part, work: () => Promise<void>) => {
    if (!parts.includes(part)) return;
    try {
      await work();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      report(`FAILED: ${failures.at(-1)}`);
    }
    const { latency, coupons, limits = [] } = found;
    if (Object.keys(throughput).length + latency.length + coupons.length + limits.length > 0)
      bench.save(describe());
  };
  const scenarios = { backends, place, throughput, report };
  await run('arms', () => contest(bench, 'Arms', compared, rounds, throughput));
  await run('latency', async () => void Object.assign(found, await runLatencies(scenarios)));
  await run('ablations', async () => {
    if (ablations.length === 0) return;
    const beside = entries.compared.filter(({ name }) => name === OURS);
    const asWarm = { name: BESIDE_ABLATIONS, warmUpSeconds: WARM_UP_S };
    const all = [...beside.map((entry) => ({ ...entry, ...asWarm })), ...ablations];
    await contest(bench, 'Ablations', all, ablationRounds, throughput);
  });
  await run('scenarios', async () => {
    found.floor = await measureFloor(backends, report);
    found.coupons = await raceForCoupons(scenarios);
  });
  await run('scenarios', async () => void (found.stop = await stopOneService(scenarios)));
  await run('scenarios', async () => void (found.backlog = await workOffBacklog(scenarios)));
  await run('limits', async () => void (found.limits = await runLimits(scenarios)));
  await run('profiles', () =>
    profileServices(backends, place, join(place.root, 'bench', 'profiles'), report),
  );
  return failures;
}

type Found = { -readonly [Name in keyof BenchResult]: BenchResult[Name] };

/** The result as it grows. */
async function openResult({ backends, options, place }: Bench, entries: readonly Entry[]) {
  const startedAt = new Date();
  const throughput: Record<string, Throughput[]> = {};
  const found: Found = {
    startedAt: startedAt.toISOString(),
    seconds: 0,
    quick: options.quick,
    rounds: options.rounds,
    commit: describeCommit(place.root),
    machine: describeMachine(),
    versions: await describeVersions(backends),
    settings: await describeSettings(backends),
    entries: Object.fromEntries(entries.map(({ name, what }) => [name, what])),
    throughput,
    latency: [],
    coupons: [],
  };
  const describe = () => ({ ...found, seconds: (Date.now() - startedAt.getTime()) / 1000 });
  return { found, throughput, describe };
}

async function contest(
  { backends, report }: Bench,
  title: string,
  entries: readonly Entry[],
  rounds: number,
  throughput: Record<string, Throughput[]>,
): Promise<void> {
  if (entries.length === 0) return;
  report(`\n${title}: ${entries.length} entries, ${rounds} rounds in turn.`);
  const began = performance.now();
  const steps = entries.length * rounds;
  let step = 0;
  await runContest(backends, {
    entries,
    rounds,
    onRun(entry, round) {
      step += 1;
      report(progressLine({ step, steps, entry, round, rounds, elapsedMs: performance.now() - began }));
    },
    onResult(entry, figures) {
      (throughput[entry] ??= []).push(figures);
      for (const line of liveTable(throughput)) report(line);
    },
  });
}

function chosen(entries: readonly Entry[], { quick, arms }: BenchOptions): Entry[] {
  const wanted = arms.length > 0 ? arms : quick ? QUICK : null;
  return entries.filter(({ name }) => wanted === null || wanted.includes(name));
}
