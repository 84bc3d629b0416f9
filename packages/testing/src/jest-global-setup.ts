import { SOCKET_VARIABLE } from './backend-kinds.ts';
import { startBackendServer } from './backend-server.ts';
import { runState } from './run-state.ts';

/** Jest's globalSetup of the int project: makes the run's backends available to every suite. */
export default async function setUp(): Promise<void> {
  const server = await startBackendServer();
  runState().server = server;
  process.env[SOCKET_VARIABLE] = server.socket;
}
