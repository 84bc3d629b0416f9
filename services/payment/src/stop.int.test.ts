import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';

const SERVICE = new URL('..', import.meta.url).pathname;
/** Five seconds, and what it takes a busy machine to end a process. */
const STOP_LIMIT_MS = 6_500;

let child: ChildProcess | undefined;

/** The built service as its supervisor starts it, with a database that `database` stands for, and nothing else there. */
function start(database: Server) {
  const { port } = database.address() as AddressInfo;
  const away = '127.0.0.1:1';
  const variables = {
    NODE_ENV: 'test',
    PORT: '0',
    INTERNAL_PORT: '0',
    DATABASE_URL: `postgres://payment_app@127.0.0.1:${port}/payment`,
    MIGRATION_DATABASE_URL: `postgres://payment_owner@127.0.0.1:${port}/payment`,
    KAFKA_BROKERS: away,
    REDIS_URL: `redis://${away}`,
    JWT_ISSUER: 'tests',
    JWT_AUDIENCE: 'tests',
    JWKS_URL: `http://${away}`,
  };
  const spawned = spawn(process.execPath, ['dist/main.js'], {
    cwd: SERVICE,
    env: variables,
    stdio: 'ignore',
  });
  child = spawned;
  const ended = once(spawned, 'exit');
  return {
    async stop() {
      const askedAt = performance.now();
      spawned.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return { code, ms: performance.now() - askedAt };
    },
  };
}

describe('a service that still waits for its database', () => {
  const sockets = new Set<Socket>();
  let database: Server;

  /** A server that does with each connection what `answer` does. */
  async function listening(answer: (socket: Socket) => void): Promise<Server> {
    database = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      answer(socket);
    });
    database.listen(0, '127.0.0.1');
    await once(database, 'listening');
    return database;
  }

  afterEach(() => {
    child?.kill('SIGKILL');
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    database.close();
  });

  it.each([
    ['refuses', (socket: Socket) => void socket.resetAndDestroy()],
    ['takes its connections and says nothing', () => undefined],
  ])('stops within 5 s when told to, while that %s', async (_what, answer) => {
    const server = await listening(answer);
    const asked = once(server, 'connection');
    const service = start(server);
    await asked;
    const { code, ms } = await service.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(STOP_LIMIT_MS);
  });
});
