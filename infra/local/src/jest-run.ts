import { execa } from 'execa';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tally } from './checks.ts';
import { boundToParent } from './child.ts';

/** The part of jest's --json report that is counted. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Suites that failed before their first test: each counts as one failure. */
  readonly numRuntimeErrorTestSuites: number;
}

/**
 * The tally of one run. A run without a report, or one that failed although no test did (a teardown, a crash), counts
 * as one failure.
 */
export function tallyOf(report: JestReport | null, exitCode: number): Tally {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Runs jest with its output on this terminal and counts what it reports. */
export async function runJest(
  root: string,
  reportFile: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Tally> {
  mkdirSync(dirname(reportFile), { recursive: true });
  rmSync(reportFile, { force: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--json'];
  args.push(`--outputFile=${reportFile}`, ...words);
  const [command = '', ...rest] = boundToParent('SIGTERM', process.execPath, args);
  const result = await execa(command, rest, {
    cwd: root,
    env,
    reject: false,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  });
  const report = existsSync(reportFile) ? (JSON.parse(readFileSync(reportFile, 'utf8')) as JestReport) : null;
  return tallyOf(report, result.exitCode ?? 1);
}
