import type { Logger } from './logger.ts';

export interface Sweeper {
  readonly name: string;
  readonly intervalMs: number;
  /** One sweep, bounded in rows and time. An error is logged, and the next sweep comes as usual. */
  sweep(): Promise<void>;
}

/** Runs a sweeper until it is stopped: never two sweeps at once, the first one after one interval. */
export function startSweeper(sweeper: Sweeper, logger: Logger): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      await sweeper.sweep();
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
