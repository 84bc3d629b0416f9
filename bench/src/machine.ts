import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import type { BenchResult } from './result.ts';
import type { StartedBackends } from './backends.ts';

export function describeMachine(): BenchResult['machine'] {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
  };
}

/** The commit that was measured, with a + when files were changed since; `unknown` outside a repository. */
export function describeCommit(root: string): string {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}

export async function describeVersions({ admin }: StartedBackends): Promise<Record<string, string>> {
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version');
  return { node: process.version, postgres: rows[0]?.server_version ?? 'unknown', kafka: '4.4.0' };
}

/** What decides durability and plans, as the servers themselves say. */
export async function describeSettings({ admin }: StartedBackends): Promise<Record<string, string>> {
  const names = [
    'fsync',
    'synchronous_commit',
    'full_page_writes',
    'shared_buffers',
    'max_wal_size',
    'track_commit_timestamp',
  ];
  const { rows } = await admin.query<{ name: string; setting: string }>(
    'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) name',
    [names],
  );
  return {
    ...Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
    'kafka acks': '-1 (all)',
  };
}
