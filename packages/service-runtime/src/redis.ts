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
  isUp(): boolean;
  /** Connects; until then Redis counts as away. */
  open(): void;
  close(): void;
}

/** A hung Redis must not be slower than doing without it. */
const commandTimeoutMs = 250;

/**
 * A connection to Redis that may vanish at any moment: nothing is queued while it is away (so nothing grows and nothing
 * is replayed later), it reconnects by itself with delays up to 2 s, and `attempt` never throws. One log line when it
 * goes and one when it is back.
 */
export function createRedis(url: string, logger: Logger): RedisLink {
  const client = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000),
  });
  let away = false;
  client.on('error', (error: Error) => {
    if (!away) logger.warn({ err: error }, 'Redis is away; going on without it');
    away = true;
  });
  client.on('ready', () => {
    if (away) logger.info('Redis is back');
    away = false;
  });
  return {
    client,
    open() {
      // A failure is told by the error event, and tried again.
      client.connect().catch(() => undefined);
    },
    isUp: () => client.status === 'ready',
    async attempt(commands) {
      if (client.status !== 'ready') return undefined;
      try {
        return await commands(client);
      } catch (error) {
        logger.debug({ err: error }, 'a Redis command failed');
        return undefined;
      }
    },
    close() {
      client.disconnect();
    },
  };
}
