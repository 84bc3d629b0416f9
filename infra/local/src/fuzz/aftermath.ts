import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROCESS_NAMES } from '../ports.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import type { Stack } from '../stack-file.ts';

const REST_WAIT_MS = 120_000;
/** pino's `error`. */
const ERROR_LEVEL = 50;
const SHOWN = 5;

/** What the requests have left behind that they should not: one line each. */
export async function findAftermath(before: Stack, after: Stack, stateDir: string): Promise<string[]> {
  return [...restarts(before, after), ...loggedErrors(stateDir), ...(await wrongBooks(after))];
}

function restarts(before: Stack, after: Stack): string[] {
  return PROCESS_NAMES.filter((name) => before.pids[name] !== after.pids[name]).map(
    (name) => `${name} was started again`,
  );
}

function loggedErrors(stateDir: string): string[] {
  return PROCESS_NAMES.flatMap((name) => {
    const log = join(stateDir, 'logs', `${name}.log`);
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
    const errors = lines.filter((line) => Number(/"level":(\d+)/.exec(line)?.[1] ?? 0) >= ERROR_LEVEL);
    return errors.slice(0, SHOWN).map((line) => `${name} logged ${line.slice(0, 500)}`);
  });
}

async function wrongBooks(stack: Stack): Promise<string[]> {
  const result = await reconcile({ ...stack, waitMs: REST_WAIT_MS });
  if (result.kind === 'not-at-rest') return ['the stack does not come to rest'];
  return result.invariants
    .filter(({ violations }) => violations > 0)
    .map(({ id, violations }) => `${id}: ${violations} violations`);
}
