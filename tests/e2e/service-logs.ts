import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';

interface Line {
  readonly level: string;
  readonly service: string;
  readonly msg: string;
  readonly err?: { readonly code?: string; readonly message?: string };
}

/** Where a service's process writes; `nextLog` for one of the next release beside it. */
export const nextLog = (service: string) => `${service}-next.log`;

/** How far each log of the five services has come. */
export type LogMarks = ReadonlyMap<string, number>;

export function markLogs({ stateDir }: RunningStack): LogMarks {
  const files = SERVICE_NAMES.flatMap((name) => [`${name}.log`, nextLog(name)]);
  const paths = files.map((file) => join(stateDir, 'logs', file));
  return new Map(paths.map((path) => [path, existsSync(path) ? statSync(path).size : 0]));
}

/** The codes of Postgres: 55P03, 0A000. Those of Node (EPIPE) and Prisma (P2010) are others. */
const SQLSTATE = /^(\d[\dA-Z]|P0|XX)[\dA-Z]{3}$/;

/** What the services have logged since then as an error, and what Postgres refused them, were it to be tried again. */
export function errorsSince(marks: LogMarks): string[] {
  return [...marks].flatMap(([path, from]) => {
    if (!existsSync(path)) return [];
    const written = readFileSync(path).subarray(from).toString('utf8').split('\n').slice(0, -1);
    const lines = written.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as Line);
    return lines
      .filter(({ level, err }) => /error|fatal/.test(level) || SQLSTATE.test(err?.code ?? ''))
      .map(
        ({ service, msg, err }) =>
          `${service}: ${msg}${err ? ` (${err.code ?? ''} ${err.message ?? ''})` : ''}`,
      );
  });
}
