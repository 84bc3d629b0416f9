import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { StartFailure } from '../failure.ts';
import { ROOT } from '../settings.ts';

const FOLDER = join(ROOT, 'infra', 'local', 'fuzz');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');

/**
 * Schemathesis at its pinned version, in a Python environment of its own below `cacheDir`; made when it is missing or
 * the pins changed (25 s).
 * @returns the path of its program
 * @throws StartFailure when Python or the packages cannot be had
 */
export async function installFuzzer(cacheDir: string): Promise<string> {
  const venv = join(cacheDir, 'fuzzer');
  const marker = join(venv, 'requirements.sha256');
  const program = join(venv, 'bin', 'schemathesis');
  const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === digest) return program;
  rmSync(venv, { recursive: true, force: true });
  try {
    await execa('python3', ['-m', 'venv', venv]);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--requirement',
      REQUIREMENTS,
    ];
    await execa(join(venv, 'bin', 'python'), pip);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartFailure(`schemathesis cannot be installed (needs python3 and its venv module): ${why}`);
  }
  writeFileSync(marker, digest);
  return program;
}

export interface Round {
  /** `admin`, `user`, `no token`. */
  readonly caller: string;
  readonly token: string | null;
  readonly seconds: number;
}

export interface Finding {
  readonly title: string;
  /** The service failed, as against an answer that the document does not describe. */
  readonly serverError: boolean;
  readonly operations: readonly string[];
}

export interface RoundReport {
  readonly operations: number;
  readonly cases: number;
  readonly findings: readonly Finding[];
  /** What schemathesis printed, with a curl line for each finding. */
  readonly log: string;
}

interface ReportFile {
  readonly operations: { readonly tested: number; readonly errored: number };
  readonly test_cases: { readonly generated: number };
  readonly failures: readonly {
    readonly type: string;
    readonly title: string;
    readonly operations: string[];
  }[];
  readonly errors: readonly { readonly title?: string; readonly operation?: string }[];
}

/** Calls all operations for a time as one caller. @throws Error when schemathesis itself fails */
export async function fuzz(
  program: string,
  target: {
    readonly url: string;
    readonly document: string;
    readonly reports: string;
    readonly seed: number;
  },
  round: Round,
): Promise<RoundReport> {
  const name = round.caller.replaceAll(' ', '-');
  const report = join(target.reports, `${name}.json`);
  const log = join(target.reports, `${name}.log`);
  mkdirSync(dirname(report), { recursive: true });
  const words = [
    '--config-file',
    join(FOLDER, 'schemathesis.toml'),
    'run',
    target.document,
    '--url',
    target.url,
  ];
  words.push('--max-time', String(round.seconds), '--seed', String(target.seed), '--checks', 'all');
  words.push('--report', 'json', '--report-json-path', report);
  if (round.token !== null) words.push('--header', `Authorization: Bearer ${round.token}`);
  const { all, exitCode } = await execa(program, words, { all: true, reject: false, cwd: target.reports });
  writeFileSync(log, all);
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`schemathesis ended with ${exitCode}:\n${all}`);
  const found = JSON.parse(readFileSync(report, 'utf8')) as ReportFile;
  const failures = found.failures.map(({ type, title, operations }) => {
    return { title, operations, serverError: type === 'ServerError' };
  });
  const errors = found.errors.map(({ title = 'an error', operation = '' }) => {
    return { title, operations: [operation], serverError: false };
  });
  const { tested } = found.operations;
  return { operations: tested, cases: found.test_cases.generated, findings: [...failures, ...errors], log };
}
