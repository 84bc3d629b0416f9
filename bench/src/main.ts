import { join } from 'node:path';
import { planPorts, PORT_OFFSET_VARIABLE } from '@orderflow/local/ports';
import { StartFailure } from '@orderflow/local/failure';
import { ROOT } from '@orderflow/local/settings';
import { startBackends } from './backends.ts';
import { runBench } from './bench.ts';
import { ablationEntries, comparedEntries } from './entries.ts';
import { parseOptions, type BenchOptions } from './options.ts';
import { judge } from './report/goals.ts';
import { reportMarkdown } from './report/markdown.ts';
import { writeReport } from './report/write.ts';
import type { BenchResult } from './result.ts';
import { USERS } from './shop.ts';

/** Beside a stack of `npm start` and beside the tests. */
const PORT_OFFSET = '11000';
const ARM_PORT = 22_000;

async function main(): Promise<void> {
  const stateDir = join(ROOT, '.local', 'bench');
  const offset = process.env[PORT_OFFSET_VARIABLE] ?? PORT_OFFSET;
  const ports = planPorts({ [PORT_OFFSET_VARIABLE]: offset });
  const place = { root: ROOT, stateDir, ports };
  const entries = { compared: comparedEntries(place), ablations: ablationEntries(place) };
  const names = [...entries.compared, ...entries.ablations].map(({ name }) => name);
  const parsed = parseOptions(process.argv.slice(2), names);
  if (parsed.kind === 'exit') {
    process.exitCode = parsed.code;
    return;
  }
  const { options } = parsed;
  // With --json the result alone goes to stdout.
  const report = (line: string) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  report('Starting Postgres, Kafka and Redis of the bench …');
  const backends = await startBackends({
    dir: stateDir,
    kafkaLibs: join(ROOT, '.local', 'kafka', 'libs'),
    ports,
    armPort: ARM_PORT,
    users: USERS,
  });
  const stop = () => void backends.stop().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    let latest: BenchResult | null = null;
    const save = (result: BenchResult) => {
      latest = result;
      const written = writeReport(result, join(ROOT, 'bench', 'results'));
      report(`Written: ${Object.values(written).join(', ')}`);
    };
    const failures = await runBench({ backends, options, entries, place, report, save });
    if (latest) tell(latest, options, report);
    for (const failure of failures) process.stderr.write(`${failure}\n`);
    if (failures.length > 0) process.exitCode = 1;
  } finally {
    await backends.stop();
  }
}

function tell(result: BenchResult, { json }: BenchOptions, report: (line: string) => void): void {
  report(`\n${reportMarkdown(result, 'the chart')}`);
  if (json) process.stdout.write(`${JSON.stringify({ ...result, goals: judge(result) })}\n`);
}

main().catch((error: unknown) => {
  console.error(error instanceof StartFailure ? error.message : error);
  process.exitCode = error instanceof StartFailure ? error.exitCode : 1;
});
