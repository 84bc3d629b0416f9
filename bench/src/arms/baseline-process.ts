import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOnce } from '@orderflow/local/backend';
import { startChild, type Running } from '@orderflow/local/child';
import { NODE_ARGS } from '@orderflow/local/services';
import { systemEnv } from '@orderflow/local/system-env';
import type { BenchBackends } from '../arm.ts';

const READY_LIMIT_MS = 60_000;
const PROGRAMS = fileURLToPath(new URL('../../dist/baselines', import.meta.url));

export interface BaselineProcess {
  readonly name: string;
  /** Folder of the program below src/baselines. */
  readonly program: string;
  readonly port: number;
  readonly databaseUrl: string;
  /** Settings of this program alone. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts one process of a baseline; resolves when its /readyz says so. */
export function startBaseline(backends: BenchBackends, wanted: BaselineProcess): Promise<Running> {
  const log = join(backends.logDir, `${wanted.name}.log`);
  return startOnce({
    name: wanted.name,
    log,
    readyLimitMs: READY_LIMIT_MS,
    launch: () =>
      startChild({
        command: process.execPath,
        // As the product's services are started.
        args: [...NODE_ARGS, join(PROGRAMS, wanted.program, 'main.js')],
        env: {
          ...systemEnv(),
          NODE_ENV: 'production',
          PORT: String(wanted.port),
          DATABASE_URL: wanted.databaseUrl,
          ...backends.tokens,
          ...wanted.env,
        },
        log,
        ipc: true,
      }),
    check: () => askReadyz(wanted.port),
  });
}

async function askReadyz(port: number): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) });
    return response.ok ? null : `/readyz answers ${response.status}`;
  } catch {
    return `port ${port} does not answer yet`;
  }
}

/** How many requests a baseline's process is working on, those of clients that are gone included. */
export async function runningRequests(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return ((await response.json()) as { running: number }).running;
}
