import type { PoolClient } from 'pg';

/** The part of `pg.Pool` that a transaction uses. */
export interface ConnectionPool {
  connect(): Promise<PoolClient>;
}

/** Stands between a transaction and its connection: `run` sends the statement, and may be left out. */
export type StatementHook = (statement: {
  readonly text: string;
  readonly client: PoolClient;
  readonly run: () => Promise<unknown>;
}) => Promise<unknown>;

/**
 * The same pool, with every statement of its connections going through `hook`, one after the other: what would travel in
 * one round trip is sent when the statement before it is answered. After one that failed, as after a crash, only a
 * ROLLBACK is sent.
 */
export function watchPool(pool: ConnectionPool, hook: StatementHook): ConnectionPool {
  return {
    async connect() {
      const client = await pool.connect();
      const inOrder = oneByOne();
      return new Proxy(client, {
        get(target, property) {
          if (property === 'query') {
            return (...args: [{ text: string }]) => {
              const text = textOf(args[0]);
              return inOrder(text, () => hook({ text, client: target, run: () => target.query(...args) }));
            };
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      });
    },
  };
}

/** The statements that `work` sends, in order, BEGIN and COMMIT included. */
export async function statementsOf(
  pool: ConnectionPool,
  work: (pool: ConnectionPool) => Promise<unknown>,
): Promise<string[]> {
  const texts: string[] = [];
  await work(
    watchPool(pool, ({ text, run }) => {
      texts.push(text);
      return run();
    }),
  );
  return texts;
}

function oneByOne(): (text: string, send: () => Promise<unknown>) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve();
  return (text, send) => {
    last = text === 'ROLLBACK' ? last.then(send, send) : last.then(send);
    return last;
  };
}

function textOf(query: string | { text: string }): string {
  return typeof query === 'string' ? query : query.text;
}
