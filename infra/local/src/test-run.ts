import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runChecks, sumUp, type Tally } from './checks.ts';
import { runJest } from './jest-run.ts';
import { seconds } from './messages.ts';
import { processesWith } from './process-table.ts';
import { ROOT, readSettings } from './settings.ts';

/** Marks every process of this run, so that one left behind is found wherever it hangs. */
const MARK = 'ORDERFLOW_TEST_RUN';
/** Processes that are stopping when the last suite ends get this long. */
const GRACE_MS = 5000;

const PROJECTS = [
  { name: 'unit', words: [] },
  { name: 'int', words: [] },
  { name: 'e2e', words: ['--runInBand'] },
] as const;

const run = randomUUID();
const startedAt = Date.now();
const print = (line: string) => console.log(line);

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '(ended)';
  }
}

function killSurvivors(): void {
  for (const pid of processesWith(MARK, run)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended between the listing and the signal.
    }
  }
}

/** Nothing may outlive the tests: what does is named, killed and counted as a failure. */
async function endSurvivors(): Promise<Tally> {
  const deadline = Date.now() + GRACE_MS;
  while (processesWith(MARK, run).length > 0 && Date.now() < deadline) await pause(100);
  const survivors = processesWith(MARK, run);
  for (const pid of survivors) print(`✘ left running: ${pid} ${commandOf(pid)}`);
  killSurvivors();
  return { passed: survivors.length === 0 ? 1 : 0, failed: survivors.length === 0 ? 0 : 1, skipped: 0 };
}

async function runTests(words: readonly string[]): Promise<Tally[]> {
  const reports = join(readSettings(process.env).stateDir, 'test');
  const env = { [MARK]: run };
  if (words.length > 0) {
    const args = ['--passWithNoTests', '--runInBand', ...words];
    return [await runJest(ROOT, join(reports, 'chosen.json'), args, env)];
  }
  const tallies = [await runChecks(ROOT, print)];
  for (const { name, words: extra } of PROJECTS) {
    print(`\n${name} tests`);
    tallies.push(
      await runJest(ROOT, join(reports, `${name}.json`), ['--selectProjects', name, ...extra], env),
    );
  }
  return tallies;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killSurvivors();
    process.exit(130);
  });
}
const tallies = await runTests(process.argv.slice(2));
const { passed, failed, skipped } = sumUp([...tallies, await endSurvivors()]);
print(`\nAll of it took ${seconds(Date.now() - startedAt)}.`);
print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
