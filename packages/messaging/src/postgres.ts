import pg from 'pg';
import { formatAmount, parseAmount } from '@orderflow/shared-events/money';

/** What a store needs of a transaction. Statements are prepared once a connection, by their text. */
export interface Tx {
  query<Row extends object = Record<string, never>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[] }>;
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
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
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

/**
 * An array of numbers or texts as Postgres writes it; everything else is pg's to convert. pg calls a converter and two
 * regular expressions an element, and columns of ids, amounts and texts are most of what a batch sends.
 */
function asParameter(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  let literal = '';
  for (const element of value as readonly unknown[]) {
    if (typeof element === 'number') literal += `,${element}`;
    else if (typeof element === 'string') literal += `,${quoted(element)}`;
    else if (element === null) literal += ',NULL';
    else return value;
  }
  return `{${literal.slice(1)}}`;
}

/** What JSON escapes and Postgres does not: control characters, halves of surrogate pairs. */
const JSON_ONLY = /[^\x20-\ud7ff\ue000-\uffff]/;

/** A quoted element. Where the two agree JSON's own escaping is taken: 0.6 instead of 1.0 µs for a snapshot of an order. */
function quoted(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`;
  return JSON_ONLY.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : JSON.stringify(text);
}

const statementNames = new Map<string, string>();

function statementName(text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) {
    name = `s${statementNames.size}`;
    statementNames.set(text, name);
  }
  return name;
}

/** Above `statement_timeout`: an answer that has not come by then is not going to, as when the host has vanished. */
const ANSWER_TIMEOUT_MS = 8_000;

/** A schema change under an open connection: each statement prepared there before fails from then on. */
const CACHED_PLAN_CHANGED = '0A000';

/**
 * Runs `work` in one READ COMMITTED transaction and commits. `now` is the transaction's time by the database's clock,
 * cut to milliseconds; it comes with BEGIN, in one round trip.
 * @throws DatabaseAway when there is no connection or it broke; any other error of `work` as it is. Either way nothing
 * is left, unless it was COMMIT itself whose answer was lost.
 */
export async function transaction<Result>(
  pool: ConnectionPool,
  work: (tx: Tx, now: Date) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw isSqlError(error) ? error : new DatabaseAway(error);
  });
  let broken = false;
  const markBroken = () => (broken = true);
  client.once('error', markBroken);
  const answered = <Answer>(answer: Promise<Answer>) => withinTime(answer, markBroken);
  try {
    const now = await answered(begin(client));
    const tx: Tx = {
      query: (text, values = []) =>
        answered(client.query({ name: statementName(text), text, values: values.map(asParameter) })),
    };
    const result = await work(tx, now);
    const { command } = await answered(client.query('COMMIT'));
    // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error: a swallowed error in `work`.
    if (command !== 'COMMIT') throw new Error('the transaction had failed before COMMIT');
    return result;
  } catch (error) {
    if (isSqlError(error) && error.code === CACHED_PLAN_CHANGED) broken = true;
    if (!broken) await answered(client.query('ROLLBACK')).catch(markBroken);
    throw broken && !isSqlError(error) ? new DatabaseAway(error) : error;
  } finally {
    client.removeListener('error', markBroken);
    client.release(broken);
  }
}

/** Gives an answer of the server up after a while. @throws DatabaseAway */
function withinTime<Answer>(answer: Promise<Answer>, giveUp: () => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      giveUp();
      reject(new DatabaseAway(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
    }, ANSWER_TIMEOUT_MS);
    answer.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

async function begin(client: pg.PoolClient): Promise<Date> {
  const results = (await client.query(
    "BEGIN; SELECT date_trunc('milliseconds', now()) AS now",
  )) as unknown as pg.QueryResult<{ now: Date }>[];
  const now = results[1]?.rows[0]?.now;
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
