import { execa } from 'execa';
import pc from 'picocolors';
import { boundToParent } from './child.ts';
import { inParallel } from './demo/parallel.ts';
import { seconds } from './messages.ts';

/** Scripts of the root package.json that look at the code without running it. */
const CHECKS = [
  { script: 'check:lint', title: 'lint' },
  { script: 'check:types', title: 'types' },
  { script: 'check:format', title: 'format' },
  { script: 'check:boundaries', title: 'import boundaries' },
  { script: 'check:unused', title: 'unused code' },
  { script: 'check:versions', title: 'dependency versions' },
] as const;

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Sums tallies. */
export function sumUp(tallies: readonly Tally[]): Tally {
  const sum = (pick: (tally: Tally) => number) => tallies.reduce((total, tally) => total + pick(tally), 0);
  return { passed: sum((t) => t.passed), failed: sum((t) => t.failed), skipped: sum((t) => t.skipped) };
}

/** Runs every check, shows each with its time, and the output of those that fail. */
export async function runChecks(root: string, print: (line: string) => void): Promise<Tally> {
  // Two at a time: the others are over before the linter is.
  const passed = await inParallel(2, CHECKS, async ({ script, title }) => {
    const startedAt = Date.now();
    const [command = '', ...args] = boundToParent('SIGTERM', 'npm', ['run', '--silent', script]);
    const result = await execa(command, args, { cwd: root, reject: false, all: true, stdin: 'ignore' });
    const time = seconds(Date.now() - startedAt);
    if (result.failed) print(`${pc.red('✘')} ${title} ${time}\n${result.all || String(result.shortMessage)}`);
    else print(`${pc.green('✔')} ${title} ${time}`);
    return !result.failed;
  });
  const count = passed.filter((one) => one).length;
  return { passed: count, failed: CHECKS.length - count, skipped: 0 };
}
