import pg from 'pg';
import { formatAmount, parseAmount } from '@orderflow/shared-events/money';
import { Pipeline, type Sent } from './pipeline.ts';
import { preparedStatement, type Parameter } from './statement.ts';

/**
 * What a store needs of a transaction. Statements are prepared once a connection, by their text, and run in the order in
 * which they are asked for; several that are asked for at once share a round trip.
 */
export interface Tx {
  query<Row extends object = Record<string, never>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[] }>;
  /**
   * A statement whose answer nobody needs before the commit: it travels with COMMIT, in one round trip. When it fails
   * the transaction does.
   */
  send<Row extends object = Record<string, never>>(text: string, values: readonly Parameter[]): Sent<Row>;
}

/** The part of `pg.Pool` the kit uses; tests wrap it to count statements and to crash between them. */
export interface ConnectionPool {
  connect(): Promise<pg.PoolClient>;
}

/** The database cannot be reached, or the connection broke. The outcome of a COMMIT may be unknown: run again. */
export class DatabaseAway extends Error {
  readonly code = 'DATABASE_AWAY';

  constructor(cause: unknown) {
    super(`database away: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'DatabaseAway';
  }
}

const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMERIC = 1700;
const DATE = 1082;

function parseId(text: string): number {
  const id = Number(text);
  if (!Number.isSafeInteger(id)) throw new RangeError(`integer beyond 2^53 - 1: ${text}`);
  return id;
}

/** BIGINT as number (checked), DECIMAL(17,2) as bigint minor units, DATE as its text. */
function parserOf(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8) return parseId;
  if (oid === INT8_ARRAY)
    return (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(parseId));
  if (oid === NUMERIC) return parseAmount;
  if (oid === DATE) return (text: string) => text;
  return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
}

/**
 * Per-connection limits. A batch must end well within the consumer's session time-out of 6 s. Sequential scans are off:
 * a generic plan made while a table is empty would stay one (measured: 4 times the Postgres CPU until autovacuum).
 */
const SESSION = [
  'enable_seqscan=off',
  'lock_timeout=1500',
  'statement_timeout=5000',
  'idle_in_transaction_session_timeout=10000',
  'timezone=UTC',
];

/**
 * A report reads whole tables, of one moment, and never writes. Below the client's own time-out, so that Postgres ends
 * what nobody waits for.
 */
const REPORT_SESSION = [
  'default_transaction_read_only=on',
  'default_transaction_isolation=repeatable\\ read',
  'statement_timeout=7000',
  'idle_in_transaction_session_timeout=10000',
  'timezone=UTC',
];

/**
 * The pool of steps and contended writes: 10 connections, 2 s to get one.
 * @param options.reports true for a pool of read-only reports, with sequential scans and one snapshot a transaction
 */
export function createPool(options: { url: string; name: string; max?: number; reports?: boolean }): pg.Pool {
  const session = options.reports ? REPORT_SESSION : SESSION;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.name,
    max: options.max ?? 10,
    // Stay open with their statements prepared, for a step, the relay and a sweeper: the first order after a quiet
    // minute waited 50 ms for a new connection.
    min: options.reports ? 0 : 3,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    pipeline: true,
    options: session.map((setting) => `-c ${setting}`).join(' '),
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  });
  // A connection that breaks while idle is replaced by the pool; without listeners pg would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Amounts as an array parameter: `unnest($1::numeric[])`. */
export function amounts(minor: readonly (bigint | null)[]): (string | null)[] {
  return minor.map((amount) => (amount === null ? null : formatAmount(amount)));
}

/** A schema change under an open connection: each statement prepared there before fails from then on. */
const CACHED_PLAN_CHANGED = '0A000';
/** What a statement says that comes after one that failed. */
const ALREADY_FAILED = '25P02';

/**
 * Runs `work` in one READ COMMITTED transaction and commits. `now` is the transaction's time by the database's clock,
 * cut to milliseconds; it comes with BEGIN, in one round trip.
 * @throws DatabaseAway when there is no connection or it broke; any other error of `work`, or of the first statement
 * that failed, as it is. Either way nothing is left, unless it was COMMIT itself whose answer was lost.
 */
export function transaction<Result>(
  pool: ConnectionPool,
  work: (tx: Tx, now: Date) => Promise<Result>,
): Promise<Result> {
  return loadedTransaction(pool, () => Promise.resolve(), work);
}

/**
 * The same with a `load` that is sent right behind BEGIN. It reads, locks and takes ids: were BEGIN to fail alone, what it
 * writes would stand alone. Nothing else is sent before BEGIN is answered.
 */
export async function loadedTransaction<Loaded, Result>(
  pool: ConnectionPool,
  load: (tx: Tx) => Promise<Loaded>,
  work: (tx: Tx, now: Date, loaded: Loaded) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw isSqlError(error) ? error : new DatabaseAway(error);
  });
  const pipeline = new Pipeline(client);
  const tx: Tx = {
    query: (text, values = []) => pipeline.ask(preparedStatement(text, values)),
    send: (text, values) => pipeline.hold(preparedStatement(text, values)),
  };
  let outdated = false;
  try {
    const [now, loaded] = await Promise.all([begin(pipeline), load(tx)]);
    const result = await work(tx, now, loaded);
    if (pipeline.failure !== null) throw pipeline.failure.error;
    await pipeline.commit();
    return result;
  } catch (error) {
    await pipeline.rollback();
    const cause = isSqlError(error) && error.code === ALREADY_FAILED ? pipeline.failure?.error : error;
    outdated = isSqlError(cause) && cause.code === CACHED_PLAN_CHANGED;
    throw pipeline.broken && !isSqlError(cause) ? new DatabaseAway(cause) : cause;
  } finally {
    pipeline.release(outdated);
  }
}

async function begin(pipeline: Pipeline): Promise<Date> {
  const [, time] = await pipeline.ask<pg.QueryResult<{ now: Date }>[]>(
    "BEGIN; SELECT date_trunc('milliseconds', now()) AS now",
  );
  const now = time?.rows[0]?.now;
  if (!now) throw new Error('BEGIN did not answer with the time');
  return now;
}

/** Whether the error carries a SQLSTATE: five characters, from the server itself. */
export function isSqlError(error: unknown): error is pg.DatabaseError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code) &&
    'severity' in error
  );
}
