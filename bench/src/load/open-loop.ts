import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answers } from './even-sender.ts';
import type { OrderTexts } from './order-requests.ts';

/** Orders at a fixed rate, whatever becomes of them. */
export interface OpenLoop extends Omit<OrderTexts, 'authorizations'> {
  readonly url: string;
  /** Orders a second, evenly spaced. */
  readonly rate: number;
  /** Sent first and left out of the answers. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Connections at most. */
  readonly connections: number;
  /** Values of an Authorization header, one a line, user 1 first. */
  readonly authorizationsFile: string;
}

/** The answers of the measured seconds, and what the generator took of the machine meanwhile. */
export interface OpenLoopResult {
  readonly answers: Answers;
  readonly cpuMs: number;
  readonly wallMs: number;
}

export interface RunningOpenLoop {
  /** Resolves when the warm-up is over. */
  readonly measuring: Promise<void>;
  /** Rejects when the generator ends without a result. */
  readonly done: Promise<OpenLoopResult>;
  /** Schedules nothing more: `done` follows with what is under way. */
  stop(): void;
}

export type ToGenerator = { readonly kind: 'load'; readonly load: OpenLoop } | { readonly kind: 'stop' };
export type FromGenerator = { readonly kind: 'measuring' } | ({ readonly kind: 'done' } & OpenLoopResult);

/** A generator that has not told its result so long after its last request hangs. */
const GRACE_MS = 30_000;

/**
 * Starts a generator in a process of its own: its CPU time is counted apart, and nothing the bench does meanwhile delays
 * a request. A process a run, since the clock of one that is old drifts from the database's.
 */
export function startOpenLoop(load: OpenLoop): RunningOpenLoop {
  // Arrays of numbers go over as they are.
  const generator = fork(join(import.meta.dirname, 'open-loop-process.js'), { serialization: 'advanced' });
  const tell = (message: ToGenerator) => {
    if (generator.connected) generator.send(message);
  };
  const limit = setTimeout(
    () => generator.kill('SIGKILL'),
    (load.warmUpSeconds + load.seconds) * 1000 + GRACE_MS,
  );
  let onMeasuring: () => void;
  const measuring = new Promise<void>((resolve) => {
    onMeasuring = resolve;
  });
  const done = new Promise<OpenLoopResult>((resolve, reject) => {
    generator.on('message', (message: FromGenerator) => {
      if (message.kind === 'measuring') return onMeasuring();
      resolve(message);
      generator.disconnect();
    });
    generator.once('error', reject);
    generator.once('exit', (code, signal) => {
      clearTimeout(limit);
      onMeasuring();
      reject(new Error(`the generator ended without a result (${signal ?? `exit code ${code}`})`));
    });
  });
  // It may fail before anyone waits for it; who does is told then.
  done.catch(() => undefined);
  tell({ kind: 'load', load });
  return { measuring, done, stop: () => tell({ kind: 'stop' }) };
}
