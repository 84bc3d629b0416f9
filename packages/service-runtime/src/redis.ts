import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';

export interface RedisLink {
  /** The ioredis client, for libraries that need one. Its commands reject at once while Redis is away. */
  readonly client: Redis;
  /**
   * Runs commands as a help, never as a need.
   * @returns what they return, or undefined while Redis is away or slower than 250 ms
   */
  attempt<T>(commands: (client: Redis) => Promise<T>): Promise<T | undefined>;
  /** False while it is away or hangs. */
  isUp(): boolean;
  /** Connects; until then Redis counts as away. */
  open(): void;
  close(): void;
}

/** Between two questions to a Redis that hangs, whether it is back. */
const probeIntervalMs = 250;

/**
 * A connection to Redis that may vanish at any moment: nothing is queued while it is away (so nothing grows and nothing
 * is replayed later), it reconnects by itself with delays up to 2 s, and `attempt` never throws. A Redis that hangs
 * counts as away from the first command it does not answer until it answers a PING: one caller waits for it, not each.
 * One log line when it goes and one when it is back.
 */
export function createRedis(
  url: string,
  logger: Logger,
  /** A hung Redis must not be slower than doing without it. */
  commandTimeoutMs = 250,
): RedisLink {
  const client = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000),
  });
  const hang = watchForHang(client, logger);
  let away = false;
  client.on('error', (error: Error) => {
    if (!away) logger.warn({ err: error }, 'Redis is away; going on without it');
    away = true;
  });
  client.on('ready', () => {
    hang.isOver();
    if (away) logger.info('Redis is back');
    away = false;
  });
  const isUp = () => client.status === 'ready' && !hang.isOn();

  return {
    client,
    open() {
      // A failure is told by the error event, and tried again.
      client.connect().catch(() => undefined);
    },
    isUp,
    async attempt(commands) {
      if (!isUp()) return undefined;
      const askedAt = performance.now();
      try {
        return await commands(client);
      } catch (error) {
        logger.debug({ err: error }, 'a Redis command failed');
        // A timer may be a moment early.
        if (performance.now() - askedAt >= commandTimeoutMs - 5) hang.begins(error);
        return undefined;
      }
    },
    close() {
      hang.isOver();
      client.disconnect();
    },
  };
}

/** Whether Redis hangs: from the first command without an answer until a PING has one or the connection is a new one. */
function watchForHang(client: Redis, logger: Logger) {
  let on = false;
  let timer: NodeJS.Timeout | undefined;

  function probe(): void {
    client.ping().then(
      () => {
        if (on) logger.info('Redis answers again');
        on = false;
      },
      () => {
        if (on) timer = setTimeout(probe, probeIntervalMs).unref();
      },
    );
  }

  return {
    isOn: () => on,
    begins(error: unknown): void {
      if (on || client.status !== 'ready') return;
      on = true;
      logger.warn({ err: error }, 'Redis does not answer; going on without it');
      probe();
    },
    isOver(): void {
      on = false;
      clearTimeout(timer);
    },
  };
}
