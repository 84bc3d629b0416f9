import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Queryable } from './idempotency.ts';
import type { Logger } from './logger.ts';

/** Prisma's own lock, so that `prisma migrate deploy` and a starting service wait for each other. */
const prismaLock = 72_707_369;

/** Who waits for a table's lock makes all later users of the table wait behind him: a migration gives way. */
const lockWaitMs = 250;

/** Exactly the table Prisma's schema engine makes; a test pins its columns. */
const createTable = `
CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum"              VARCHAR(64) NOT NULL,
    "finished_at"           TIMESTAMPTZ,
    "migration_name"        VARCHAR(255) NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        TIMESTAMPTZ,
    "started_at"            TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count"   INTEGER NOT NULL DEFAULT 0
)`;

/** Other roles read the history and no more: the owner's default rights, made for tables of data, are too many for it. */
const protectTable = `
DO $$
DECLARE
  role regrole;
BEGIN
  FOR role IN
    SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl)
     WHERE pg_class.oid = '_prisma_migrations'::regclass AND grantee NOT IN (0, relowner)
       AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
  LOOP
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON "_prisma_migrations" FROM %s', role);
  END LOOP;
END
$$`;

/** A database whose history does not fit the migrations at hand. The text says what to do. */
export class MigrationError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'MigrationError';
  }
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Applied {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/**
 * Applies what is pending of a folder of migrations (`<timestamp>_<name>/migration.sql`), in name order, each in a
 * transaction of its own together with its row in `_prisma_migrations`. Safe to run from several processes at once.
 * @param options.url the owner's URL
 * @returns the names applied by this call
 * @throws MigrationError when an applied migration was edited, when an earlier run of Prisma stopped half way, or when
 *   a migration fails (nothing of it stays), also for a lock that others hold: then it is to be tried again
 */
export async function migrate(options: {
  url: string;
  directory: string;
  logger: Logger;
}): Promise<readonly string[]> {
  const migrations = await readMigrations(options.directory);
  const client = new pg.Client({ connectionString: options.url, application_name: 'migrations' });
  // An 'error' event after the last query has no one left to tell; each query rejects by itself.
  client.on('error', (error) =>
    options.logger.warn({ err: error }, 'the connection of the migrations was lost'),
  );
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [prismaLock]);
    await client.query(createTable);
    await client.query(protectTable);
    const pending = pendingOf(migrations, await readApplied(client));
    for (const migration of pending) {
      await applyOne(client, migration);
      options.logger.info({ migration: migration.name }, 'migration applied');
    }
    return pending.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

/**
 * Names what `migrate` would apply, for readiness. Needs SELECT on `_prisma_migrations` only.
 * @throws MigrationError as `migrate`
 */
export async function pendingMigrations(options: {
  database: Queryable;
  directory: string;
}): Promise<readonly string[]> {
  const migrations = await readMigrations(options.directory);
  const { rows } = await options.database.query<{ present: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present`,
  );
  const applied = rows[0]?.present ? await readApplied(options.database) : [];
  return pendingOf(migrations, applied).map((migration) => migration.name);
}

async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(join(directory, name, 'migration.sql'));
      return {
        name,
        sql: bytes.toString('utf8'),
        checksum: createHash('sha256').update(bytes).digest('hex'),
      };
    }),
  );
}

async function readApplied(database: Queryable): Promise<readonly Applied[]> {
  const { rows } = await database.query<Applied>(
    'SELECT migration_name, checksum, finished_at FROM "_prisma_migrations" WHERE rolled_back_at IS NULL',
  );
  return rows;
}

/** Migrations the folder does not know are left alone: during a rolling release the database is ahead of old code. */
function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const halfDone = applied.find((row) => row.finished_at === null);
  if (halfDone) {
    throw new MigrationError(
      `migration ${halfDone.migration_name} began and did not finish; repair the database, then run ` +
        `"prisma migrate resolve" with --applied or --rolled-back ${halfDone.migration_name}`,
    );
  }
  const checksums = new Map(applied.map((row) => [row.migration_name, row.checksum]));
  for (const { name, checksum } of migrations) {
    const recorded = checksums.get(name);
    if (recorded !== undefined && recorded !== checksum) {
      throw new MigrationError(
        `migration ${name} was edited after it was applied (${recorded.slice(0, 12)}… is recorded, the file has ` +
          `${checksum.slice(0, 12)}…); restore the file and write a new migration instead`,
      );
    }
  }
  return migrations.filter(({ name }) => !checksums.has(name));
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${lockWaitMs}`);
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const line = lineOf(migration.sql, error);
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationError(
      `migration ${migration.name} failed${line}: ${reason}; nothing of it was kept`,
      error,
    );
  }
}

/** Postgres counts characters from 1 to where a statement broke. */
function lineOf(sql: string, error: unknown): string {
  if (!(error instanceof pg.DatabaseError) || error.position === undefined) return '';
  return ` at line ${sql.slice(0, Number(error.position)).split('\n').length}`;
}
