import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessName, ServiceName } from './ports.ts';

/** The running stack as the outside finds it; the shape is a contract (docs of the local stack). */
export interface Stack {
  readonly gateway: string;
  readonly services: Readonly<Record<ServiceName, string>>;
  readonly internal: Readonly<Record<ProcessName, string>>;
  /** URLs of the app roles. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  readonly kafka: { readonly brokers: readonly string[] };
  readonly redis: string;
  readonly settings: {
    readonly BALANCE_MAX: string;
    readonly PAYMENT_LIMIT: string;
    readonly SALES_TIME_ZONE: string;
  };
  /** Every process by name, backends included; a restart changes its entry. */
  readonly pids: Readonly<Record<string, number>>;
  /** Start times of `pids`, so that a later process of the same number is never taken for ours. */
  readonly startTimes: Readonly<Record<string, string>>;
  readonly launcher: { readonly pid: number; readonly startTime: string };
  /** Null while the stack is starting. */
  readonly readyAt: string | null;
}

function pathIn(dir: string): string {
  return join(dir, 'stack.json');
}

/** The stack whose state lies in `dir`, null when there is none. It may have crashed: its pids tell. */
export function readStack(dir: string): Stack | null {
  const path = pathIn(dir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Stack) : null;
}

/** Readers never see half a file. Mode 0600, since database URLs hold passwords. */
export function writeStack(dir: string, stack: Stack): void {
  mkdirSync(dir, { recursive: true });
  const draft = `${pathIn(dir)}.draft`;
  writeFileSync(draft, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, pathIn(dir));
}

/** After an orderly stop there is no stack to find. */
export function removeStack(dir: string): void {
  rmSync(pathIn(dir), { force: true });
}
