import type { Running } from './child.ts';
import { waitUntilReady, type ReadinessCheck } from './readiness.ts';

/** What the launcher and the tests know of a process they can start: nothing of what it is. */
export interface Startable {
  readonly name: string;
  readonly log: string;
  readonly readyLimitMs: number;
  launch(): Running;
  readonly check: ReadinessCheck;
}

/**
 * Starts once and waits until ready; nothing keeps it alive afterwards. A start that fails leaves no process.
 *
 * @throws StartFailure with the end of its log.
 */
export async function startOnce(startable: Startable): Promise<Running> {
  const running = startable.launch();
  try {
    await waitUntilReady({ ...startable, running, limitMs: startable.readyLimitMs });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}
