import type pg from 'pg';

/** What the server has counted since its start, all databases together. */
export interface PostgresCounters {
  /** Forced writes to disk: of the log, and of tables at checkpoints. */
  readonly walFsyncs: number;
  readonly tableFsyncs: number;
  readonly walBytes: number;
  readonly commits: number;
  /** By pg_stat_statements: those of stored plans, COMMIT and BEGIN included. */
  readonly statements: number;
}

const COUNTERS = `
  SELECT (SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal')::float8 AS "walFsyncs",
         (SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object <> 'wal')::float8 AS "tableFsyncs",
         (SELECT wal_bytes FROM pg_stat_wal)::float8 AS "walBytes",
         (SELECT sum(xact_commit) FROM pg_stat_database)::float8 AS commits,
         (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements)::float8 AS statements`;

/** Sessions report their counts when they are idle, at most once a second: read them a moment after the last work. */
export async function readPostgresCounters(client: pg.Client): Promise<PostgresCounters> {
  const { rows } = await client.query<PostgresCounters>(COUNTERS);
  const [row] = rows;
  if (!row) throw new Error('Postgres did not tell its counters');
  return row;
}
