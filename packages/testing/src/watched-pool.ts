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

/** The same pool, with every statement of its connections going through `hook`. */
export function watchPool(pool: ConnectionPool, hook: StatementHook): ConnectionPool {
  return {
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, property) {
          if (property === 'query') {
            return (...args: [{ text: string }]) =>
              hook({ text: textOf(args[0]), client: target, run: () => target.query(...args) });
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

function textOf(query: string | { text: string }): string {
  return typeof query === 'string' ? query : query.text;
}
