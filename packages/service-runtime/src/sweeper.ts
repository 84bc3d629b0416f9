import type { JobLock } from './job-lock.ts';
import type { Logger } from './logger.ts';

export interface Sweeper {
  readonly name: string;
  readonly intervalMs: number;
  /** Best run on one instance at a time. A hint: it must be safe on several. */
  readonly alone?: boolean;
  /** One sweep, bounded in rows and time. An error is logged, and the next sweep comes as usual. */
  sweep(): Promise<void>;
}

const LEASE_MS = 60_000;

/** Runs a sweeper until it is stopped: never two sweeps at once, the first one after one interval. */
export function startSweeper(sweeper: Sweeper, logger: Logger, lock: JobLock): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      if (sweeper.alone) await lock.run(sweeper.name, LEASE_MS, () => sweeper.sweep());
      else await sweeper.sweep();
    } catch (error) {
      logger.warn({ err: error, sweeper: sweeper.name }, 'sweep failed; the next one comes as usual');
    }
    schedule();
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = run();
    }, sweeper.intervalMs);
  }

  schedule();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}
