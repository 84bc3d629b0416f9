import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a program from the checkout's folder to its end, with the environment as it is and this state directory. */
export function runIn(stateDir: string, ...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(
      'env',
      [`ORDERFLOW_STATE_DIR=${stateDir}`, ...words],
      { cwd: REPOSITORY },
      (failure, out, error) => {
        const code = failure === null ? 0 : failure.code;
        if (typeof code === 'number') resolve({ code, out, error });
        else reject(failure ?? new Error('no exit code'));
      },
    );
  });
}

/** Runs a script under bash's strict settings. */
export const bash = (stateDir: string, script: string) =>
  runIn(stateDir, 'bash', '--norc', '-eu', '-o', 'pipefail', '-c', script);
