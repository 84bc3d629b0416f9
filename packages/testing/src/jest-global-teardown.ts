import { runState } from './run-state.ts';

/** Jest's globalTeardown of the int project: nothing of the run stays. */
export default async function tearDown(): Promise<void> {
  await runState().server?.stop();
  delete runState().server;
}
