import { randomUUID } from 'node:crypto';
import type { Logger } from '@orderflow/service-runtime/logger';
import type { RedisLink } from '@orderflow/service-runtime/redis';

/** How instances tell each other which orders have changed. A help, never a need: what is lost is found by a poll. */
export interface ChangeChannel {
  /** Tells the other instances; returns at once. */
  tell(orderIds: readonly number[]): void;
  /** Hears the others from now on, over a connection of its own. `onGap`: from here on nothing is missed again. */
  listen(onChange: (orderIds: readonly number[]) => void, onGap: () => void): void;
  /** False while changes of others may go unheard. */
  isLive(): boolean;
  close(): void;
}

/** Renaming it cuts instances of the old release off from those of the new one: both then see the other's changes late. */
const CHANNEL = 'order:changed';

/** The channel over Redis: one message a commit, `<instance> <id>,<id>…`. */
export function createChangeChannel(redis: RedisLink, logger: Logger): ChangeChannel {
  const instance = randomUUID();
  const own = `${instance} `;
  let subscriber: RedisLink['client'] | null = null;
  let isSubscribed = false;

  function subscribe(client: RedisLink['client'], onGap: () => void): void {
    client.subscribe(CHANNEL).then(
      () => {
        isSubscribed = true;
        onGap();
      },
      (error: unknown) => {
        logger.debug({ err: error }, 'could not listen for the changes of other instances yet');
        client.disconnect(true);
      },
    );
  }

  return {
    tell(orderIds) {
      void redis.attempt((client) => client.publish(CHANNEL, own + orderIds.join()));
    },
    listen(onChange, onGap) {
      if (subscriber) return;
      // A connection that listens can do nothing else.
      const client = (subscriber = redis.client.duplicate({ autoResubscribe: false }));
      // The shared connection's log line says that Redis is away.
      client.on('error', () => undefined);
      client.on('ready', () => subscribe(client, onGap));
      client.on('close', () => (isSubscribed = false));
      client.on('message', (_channel, message: string) => {
        if (!message.startsWith(own))
          onChange(
            message
              .slice(message.indexOf(' ') + 1)
              .split(',')
              .map(Number),
          );
      });
      client.connect().catch(() => undefined);
    },
    isLive: () => isSubscribed && redis.isUp(),
    close() {
      subscriber?.disconnect();
    },
  };
}
