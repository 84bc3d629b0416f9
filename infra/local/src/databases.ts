import { createHmac } from 'node:crypto';
import pg from 'pg';

export interface DatabaseUrls {
  /** Role `<name>_owner`: owns the database, migrates it. */
  readonly ownerUrl: string;
  /** Role `<name>_app`: reads and writes the owner's tables in this database, and reaches no other one. */
  readonly appUrl: string;
}

/** Derived, so that nothing but the superuser's password is kept, and stable across starts. */
function passwordOf(adminUrl: URL, role: string): string {
  return createHmac('sha256', adminUrl.password).update(role).digest('base64url').slice(0, 24);
}

function urlOf(adminUrl: URL, role: string, database: string): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = passwordOf(adminUrl, role);
  url.pathname = `/${database}`;
  return url.href;
}

/** The URLs that `createDatabase` promises. */
export function databaseUrls(adminUrl: string, database: string): DatabaseUrls {
  const admin = new URL(adminUrl);
  return {
    ownerUrl: urlOf(admin, `${database}_owner`, database),
    appUrl: urlOf(admin, `${database}_app`, database),
  };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function ensureRole(client: pg.Client, role: string, password: string): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  const name = client.escapeIdentifier(role);
  if (rowCount === 0) await client.query(`CREATE ROLE ${name} LOGIN`);
  await client.query(`ALTER ROLE ${name} PASSWORD ${client.escapeLiteral(password)}`);
}

/** Roles and database; nobody connects but the two roles. */
async function ensureDatabase(client: pg.Client, admin: URL, database: string): Promise<void> {
  const [owner, app] = [`${database}_owner`, `${database}_app`];
  for (const role of [owner, app]) await ensureRole(client, role, passwordOf(admin, role));
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  const [name, ownerName, appName] = [database, owner, app].map((text) => client.escapeIdentifier(text));
  if (rowCount === 0) await client.query(`CREATE DATABASE ${name} OWNER ${ownerName}`);
  for (const closed of [name, 'postgres', 'template1']) {
    await client.query(`REVOKE ALL ON DATABASE ${closed} FROM PUBLIC`);
  }
  await client.query(`GRANT CONNECT ON DATABASE ${name} TO ${ownerName}, ${appName}`);
}

/** The app role gets the owner's future tables; what it must not do to ledgers is revoked by the migrations. */
async function ensurePrivileges(client: pg.Client, database: string): Promise<void> {
  const [owner, app] = [`${database}_owner`, `${database}_app`].map((role) => client.escapeIdentifier(role));
  const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA public`;
  await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
  await client.query(`ALTER SCHEMA public OWNER TO ${owner}`);
  await client.query(`GRANT USAGE ON SCHEMA public TO ${app}`);
  await client.query(`${defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${app}`);
  await client.query(`${defaults} GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO ${app}`);
}

/**
 * Promises a database of this name (lower case and underscores, as `user_balance`) with its two roles; one that exists
 * keeps its data.
 *
 * @param adminUrl a superuser's URL of the server.
 */
export async function createDatabase(adminUrl: string, database: string): Promise<DatabaseUrls> {
  const admin = new URL(adminUrl);
  await withClient(adminUrl, (client) => ensureDatabase(client, admin, database));
  const inside = new URL(adminUrl);
  inside.pathname = `/${database}`;
  await withClient(inside.href, (client) => ensurePrivileges(client, database));
  return databaseUrls(adminUrl, database);
}
