import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartFailure } from './failure.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process of the stack. */
export interface Running {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** Asks it to stop, kills it when it takes longer than `limitMs`, resolves when it has ended. */
  stop(limitMs?: number): Promise<void>;
}

export interface ChildOptions {
  /** A command that executes another one, under which the child runs (`unshare … --`). */
  readonly prefix?: readonly string[];
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** File that receives its output; appended to. */
  readonly log: string;
  /** What stops it in order, sent by stop() and by the kernel when this process dies. */
  readonly stopSignal?: 'SIGTERM' | 'SIGINT';
  readonly stopLimitMs?: number;
  /** Gives it an IPC channel, whose end tells it that this process is gone. */
  readonly ipc?: boolean;
}

const LOG_LIMIT_BYTES = 16 * 1024 * 1024;

/** A log past 16 MiB is set aside once (`.1`), so that a stack kept for months does not fill the disk. */
function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) && statSync(path).size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a');
}

/**
 * The command that ends with this process: the kernel signals it when its parent dies, however that happens. The
 * parent-death signal survives exec, so the pid is the program's own.
 */
export function boundToParent(
  signal: 'SIGTERM' | 'SIGINT',
  command: string,
  args: readonly string[],
): string[] {
  if (process.platform !== 'linux') return [command, ...args];
  return ['setpriv', '--pdeathsig', signal.slice(3), '--', command, ...args];
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}

/**
 * Starts a process that does not outlive this one.
 *
 * @throws StartFailure when the program cannot be executed at all.
 */
export function startChild(options: ChildOptions): Running {
  const { stopSignal = 'SIGTERM', stopLimitMs = 5000 } = options;
  const log = openLog(options.log);
  // The prefix comes first: a change of user or namespace would clear the parent-death signal.
  const words = [...(options.prefix ?? []), ...boundToParent(stopSignal, options.command, options.args)];
  const [command, ...args] = words as [string, ...string[]];
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    // A terminal's Ctrl-C must reach the launcher alone: it stops the others in their order.
    detached: true,
    stdio: options.ipc === true ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
  });
  closeSync(log);
  const exited = exitOf(child);
  const { pid } = child;
  if (pid === undefined) throw new StartFailure(`${command} cannot be executed: is it installed?`);
  return {
    pid,
    exited,
    async stop(limitMs = stopLimitMs) {
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The end of a log, for the message about a process that did not start. */
export function tailOf(log: string, lines = 12): string {
  if (!existsSync(log)) return '(no output)';
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** `exit code 1` or `signal SIGKILL`. */
export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}
