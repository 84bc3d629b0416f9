import { setTimeout as pause } from 'node:timers/promises';
import type { Startable } from './backend.ts';
import { describeExit, type Running } from './child.ts';
import { waitUntilReady } from './readiness.ts';

export type SupervisorEvent =
  | { readonly kind: 'launched'; readonly name: string; readonly pid: number }
  | { readonly kind: 'died'; readonly name: string; readonly how: string; readonly retryInMs: number }
  | { readonly kind: 'ready-again'; readonly name: string; readonly afterMs: number };

export interface Supervised {
  readonly name: string;
  /** Stops it for good: in order, then with SIGKILL after the limit. Resolves when it has ended. */
  stop(limitMs?: number): Promise<void>;
}

export interface SuperviseOptions {
  readonly report: (event: SupervisorEvent) => void;
  /** Ends the wait for the first readiness. */
  readonly signal: AbortSignal;
}

const FIRST_BACK_OFF_MS = 250;
const LAST_BACK_OFF_MS = 10_000;
/** A process that lived this long has recovered: its next death starts from the first back-off again. */
const STEADY_MS = 30_000;

/** Milliseconds to wait before start number `failures` + 1 in a row: 250, 500, 1000 … 10,000. */
export function backOffMs(failures: number): number {
  return Math.min(FIRST_BACK_OFF_MS * 2 ** Math.max(0, failures - 1), LAST_BACK_OFF_MS);
}

/**
 * Starts a process, waits until it is ready, and from then on starts it again whenever it dies.
 *
 * @throws StartFailure when the first start fails; the process is gone then, and nothing is retried.
 */
export async function supervise(startable: Startable, options: SuperviseOptions): Promise<Supervised> {
  const { name } = startable;
  const stopping = new AbortController();
  const launch = (): Running => {
    const started = startable.launch();
    options.report({ kind: 'launched', name, pid: started.pid });
    return started;
  };
  let running = launch();
  try {
    const { readyLimitMs: limitMs } = startable;
    await waitUntilReady({ ...startable, running, limitMs, signal: options.signal });
  } catch (error) {
    await running.stop();
    throw error;
  }

  const reportReadiness = async (again: Running, startedAt: number): Promise<void> => {
    try {
      await waitUntilReady({ ...startable, running: again, signal: stopping.signal });
      options.report({ kind: 'ready-again', name, afterMs: Date.now() - startedAt });
    } catch {
      // It died again, which the loop below reports, or the stack is stopping.
    }
  };

  const keepAlive = async (): Promise<void> => {
    let failures = 0;
    let startedAt = Date.now();
    for (;;) {
      const exit = await running.exited;
      if (stopping.signal.aborted) return;
      failures = Date.now() - startedAt > STEADY_MS ? 1 : failures + 1;
      const retryInMs = backOffMs(failures);
      options.report({ kind: 'died', name, how: describeExit(exit), retryInMs });
      await pause(retryInMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      startedAt = Date.now();
      running = launch();
      void reportReadiness(running, startedAt);
    }
  };
  const done = keepAlive();

  return {
    name,
    async stop(limitMs) {
      stopping.abort();
      await running.stop(limitMs);
      await done;
    },
  };
}
