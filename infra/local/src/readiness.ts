import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describeExit, tailOf, type Exit, type Running } from './child.ts';
import { StartFailure } from './failure.ts';

/** One look at a process: null when it is ready, else what is missing, in words. */
export type ReadinessCheck = () => Promise<string | null>;

export interface ReadinessOptions {
  readonly name: string;
  readonly running: Running;
  readonly check: ReadinessCheck;
  readonly log: string;
  /** Without it the wait ends only with readiness, the process or the signal. */
  readonly limitMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 60;

/**
 * Resolves when the check has passed.
 *
 * @throws StartFailure with the end of the log when the process ends first or the limit has passed; the signal's
 * reason when that is aborted.
 */
export async function waitUntilReady(options: ReadinessOptions): Promise<void> {
  const { name, running, check, log, limitMs = Infinity, signal } = options;
  const startedAt = Date.now();
  const ends: Exit[] = [];
  void running.exited.then((exit) => ends.push(exit));
  for (;;) {
    signal?.throwIfAborted();
    const [end] = ends;
    if (end !== undefined) {
      throw new StartFailure(`${name} ended while starting (${describeExit(end)}). ${logNote(log)}`);
    }
    const missing = await check();
    if (missing === null) return;
    if (Date.now() - startedAt > limitMs) {
      throw new StartFailure(`${name} was not ready after ${limitMs / 1000} s: ${missing}. ${logNote(log)}`);
    }
    await pause(POLL_MS);
  }
}

function logNote(log: string): string {
  return `The end of ${log}:\n${tailOf(log)}`;
}

/** Whether something accepts connections on 127.0.0.1:port. */
export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.setTimeout(1000, () => answer(false));
  });
}
