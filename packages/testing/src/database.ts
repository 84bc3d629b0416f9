import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { databaseUrls } from '@orderflow/local/databases';
import pg from 'pg';
import { postgresUrl } from './backends.ts';

export interface TestDatabaseOptions {
  /** The database's name in production: its roles are `<name>_owner` and `<name>_app`. */
  readonly name: string;
  /** Folder of migrations, `<timestamp>_<name>/migration.sql`. */
  readonly migrations: string;
}

export interface TestDatabase {
  /** As the service connects: the app role, with its rights and no more. */
  readonly url: string;
  /** For givens and for looking: the owner may truncate, and change ledgers. */
  readonly ownerUrl: string;
  /** Cuts all connections and refuses new ones, as a server that is away does, until `bringBack`. */
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
  /** Cuts all connections and lets them come again at once. */
  cutConnections(): Promise<void>;
  /** Whether some connection waits for a lock: how a test knows that a race has come to its point. */
  someoneWaits(): Promise<boolean>;
  drop(): Promise<void>;
}

/** Any fixed number: one suite makes the template, the others wait for it. */
const TEMPLATE_LOCK = 5_817_403;

/** As services record what they applied, so that one started on a clone finds nothing left to do. */
const MIGRATIONS_TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

/**
 * A database of its own for one suite, migrated: cloned from a template that is made once a run and set of migrations
 * (a clone takes about 30 ms).
 */
export async function createTestDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  const admin = await postgresUrl();
  const template = await withClient(admin, (client) => ensureTemplate(client, admin, options));
  const database = `test_${options.name}_${randomBytes(4).toString('hex')}`;
  const name = pg.escapeIdentifier(database);
  const owner = pg.escapeIdentifier(`${options.name}_owner`);
  const run = (sql: string) => withClient(admin, (client) => client.query(sql));
  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`;
  await run(`CREATE DATABASE ${name} TEMPLATE ${pg.escapeIdentifier(template)} OWNER ${owner}`);
  const urls = databaseUrls(admin, options.name);
  return {
    url: inDatabase(urls.appUrl, database),
    ownerUrl: inDatabase(urls.ownerUrl, database),
    async takeAway() {
      await run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await run(cut);
    },
    bringBack: async () => void (await run(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)),
    cutConnections: async () => void (await run(cut)),
    async someoneWaits() {
      const { rows } = await run(
        `SELECT 1 FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    },
    drop: async () => void (await run(`DROP DATABASE ${name} WITH (FORCE)`)),
  };
}

async function ensureTemplate(
  client: pg.Client,
  admin: string,
  { name, migrations }: TestDatabaseOptions,
): Promise<string> {
  const found = await readMigrations(migrations);
  const hash = sha256(found.map(({ name, checksum }) => `${name} ${checksum}`).join('\n')).slice(0, 12);
  const template = `template_${name}_${hash}`;
  await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  if (await exists(client, template)) return template;
  // A template that was only begun never gets the final name.
  const draft = `${template}_draft`;
  await ensureRoles(client, admin, name);
  await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(draft)}`);
  await client.query(
    `CREATE DATABASE ${pg.escapeIdentifier(draft)} OWNER ${pg.escapeIdentifier(`${name}_owner`)}`,
  );
  await withClient(inDatabase(databaseUrls(admin, name).ownerUrl, draft), async (owner) => {
    const app = pg.escapeIdentifier(`${name}_app`);
    await owner.query(
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${app};
       ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO ${app}`,
    );
    await owner.query(MIGRATIONS_TABLE);
    for (const migration of found) {
      await owner.query(migration.sql);
      await owner.query(
        `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
         VALUES ($1, $2, $3, now(), 1)`,
        [randomUUID(), migration.checksum, migration.name],
      );
    }
  });
  await client.query(
    `ALTER DATABASE ${pg.escapeIdentifier(draft)} RENAME TO ${pg.escapeIdentifier(template)}`,
  );
  return template;
}

async function ensureRoles(client: pg.Client, admin: string, name: string): Promise<void> {
  const { ownerUrl, appUrl } = databaseUrls(admin, name);
  for (const url of [ownerUrl, appUrl]) {
    const { username, password } = new URL(url);
    const role = pg.escapeIdentifier(username);
    const { rows } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [username]);
    if (rows.length === 0) await client.query(`CREATE ROLE ${role} LOGIN`);
    await client.query(`ALTER ROLE ${role} PASSWORD ${pg.escapeLiteral(password)}`);
  }
}

async function exists(client: pg.Client, database: string): Promise<boolean> {
  const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  return rows.length > 0;
}

async function readMigrations(directory: string): Promise<{ name: string; sql: string; checksum: string }[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: sha256(sql) };
    }),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function inDatabase(url: string, database: string): string {
  const moved = new URL(url);
  moved.pathname = `/${database}`;
  return moved.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'tests',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
