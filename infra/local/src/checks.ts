import { execa } from 'execa';
import pc from 'picocolors';
import { boundToParent } from './child.ts';
import { seconds } from './messages.ts';

/** Scripts of the root package.json that look at the code without running it; one after another, two cores suffice. */
const CHECKS = [
  { script: 'check:types', title: 'types' },
  { script: 'check:lint', title: 'lint' },
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
  let failed = 0;
  for (const { script, title } of CHECKS) {
    const startedAt = Date.now();
    const [command = '', ...args] = boundToParent('SIGTERM', 'npm', ['run', '--silent', script]);
    const result = await execa(command, args, { cwd: root, reject: false, all: true, stdin: 'ignore' });
    const time = seconds(Date.now() - startedAt);
    if (result.failed) {
      failed += 1;
      print(`${pc.red('✘')} ${title} ${time}\n${result.all || String(result.shortMessage)}`);
    } else {
      print(`${pc.green('✔')} ${title} ${time}`);
    }
  }
  return { passed: CHECKS.length - failed, failed, skipped: 0 };
}
