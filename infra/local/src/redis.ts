import { accessSync, constants, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { startOnce, type Startable } from './backend.ts';
import { startChild } from './child.ts';
import { StartFailure } from './failure.ts';
import { systemEnv } from './system-env.ts';

export interface RedisOptions {
  readonly dir: string;
  readonly port: number;
  /** Log file. */
  readonly log: string;
}

export interface Redis {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const SERVERS = ['redis-server', 'valkey-server'];
const READY_LIMIT_MS = 20_000;

function findServer(path: string): string {
  for (const server of SERVERS) {
    for (const folder of path.split(delimiter)) {
      try {
        accessSync(join(folder, server), constants.X_OK);
        return join(folder, server);
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new StartFailure('Neither redis-server nor valkey-server is installed: apt-get install redis-server');
}

/** Null when the server answers PING. */
function ping(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (missing: string | null) => {
      socket.destroy();
      resolve(missing);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) =>
      answer(data.toString().startsWith('+PONG') ? null : data.toString().trim()),
    );
    socket.once('error', (error) => answer(error.message));
    socket.setTimeout(1000, () => answer('no answer to PING'));
  });
}

/**
 * How to start Redis. It writes nothing to disk: what it holds (limits, caches, locks) may vanish at any moment.
 *
 * @throws StartFailure when neither redis-server nor valkey-server is on the PATH.
 */
export function prepareRedis(options: RedisOptions): Startable & { readonly url: string } {
  const env = systemEnv();
  const command = findServer(env['PATH'] ?? '');
  mkdirSync(options.dir, { recursive: true });
  const settings = {
    port: String(options.port),
    bind: '127.0.0.1',
    dir: options.dir,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    maxmemory: '64mb',
    'maxmemory-policy': 'allkeys-lru',
  };
  return {
    name: 'redis',
    log: options.log,
    readyLimitMs: READY_LIMIT_MS,
    url: `redis://127.0.0.1:${options.port}`,
    launch: () =>
      startChild({
        command,
        args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
        env,
        log: options.log,
      }),
    check: () => ping(options.port),
  };
}

/** Starts a server and waits until it answers. For tests; the launcher keeps its own alive besides. */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const startable = prepareRedis(options);
  const running = await startOnce(startable);
  return { url: startable.url, pid: running.pid, stop: () => running.stop() };
}
