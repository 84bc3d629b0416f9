import pg from 'pg';
import { parseAmount } from '@orderflow/shared-events/money';

/** BIGINT as number, DECIMAL(17,2) as bigint minor units. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [pg.types.builtins.INT8]: Number,
  [pg.types.builtins.NUMERIC]: parseAmount,
};

/**
 * Ten connections, as each of Orderflow's services has. Index plans only, as there: a generic plan made while a table
 * is empty would stay a sequential scan (measured: twice the CPU of this very transaction).
 */
export const POOL_SETTINGS = { max: 10, options: '-c enable_seqscan=off -c timezone=UTC' } as const;

export function createPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    ...POOL_SETTINGS,
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        PARSERS[oid] ?? (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser,
    },
  });
  // The pool replaces a connection that breaks while idle; without a listener pg would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** Runs prepared statements: each connection parses and plans a name once. */
export interface Queries {
  query<Row extends object>(statement: {
    name: string;
    text: string;
    values: unknown[];
  }): Promise<{ rows: Row[] }>;
}

/** Runs `work` between BEGIN and COMMIT on one connection; an error rolls back and is thrown on. */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: Queries) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const DEADLOCK = '40P01';
const ATTEMPTS_MAX = 5;

/** Orders of several products may meet in a deadlock; Postgres ends one of them, which is then run again. */
export async function retryingDeadlocks<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!isDatabaseError(error, DEADLOCK) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** @param code SQLSTATE */
export function isDatabaseError(error: unknown, code: string, constraint?: string): boolean {
  return (
    error instanceof pg.DatabaseError &&
    error.code === code &&
    (constraint === undefined || error.constraint === constraint)
  );
}
