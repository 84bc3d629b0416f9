import { describe, expect, it } from '@jest/globals';
import { SERVICE_NAMES, type ServiceName } from '@orderflow/local/ports';
import { databaseName } from '@orderflow/local/services';
import type { RunningStack } from '@orderflow/testing/running-stack';
import pg from 'pg';

/** Tables that are only ever added to, with a column of each. */
const LEDGERS: Readonly<Record<ServiceName, Readonly<Record<string, string>>>> = {
  order: { order_events: 'snapshot', operator_actions: 'action' },
  payment: { payments: 'amount', operator_actions: 'action' },
  product: { stock_adjustments: 'delta', operator_actions: 'action' },
  coupon: { operator_actions: 'action' },
  'user-balance': { balance_records: 'amount', operator_actions: 'action' },
};

/** What none of the services has a reason to do, nor whoever gets a statement past one of them. */
const BEYOND: ReadonlyArray<readonly [what: string, statement: string]> = [
  ['make a table', 'CREATE TABLE own ()'],
  ['make a temporary table', 'CREATE TEMPORARY TABLE own ()'],
  ['make a schema', 'CREATE SCHEMA own'],
  ['make a function', "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
  ['make a role', 'CREATE ROLE own'],
  ['make a database', 'CREATE DATABASE own'],
  ['change a table', 'ALTER TABLE operator_actions ALTER COLUMN action DROP NOT NULL'],
  ['drop a table', 'DROP TABLE outbox'],
  ['switch constraints off', 'SET session_replication_role = replica'],
  ['become the superuser', 'SET ROLE postgres'],
  ['run a program', "COPY (SELECT 1) TO PROGRAM 'true'"],
  ['read a file', "SELECT pg_read_file('PG_VERSION')"],
  ['read passwords', 'SELECT rolpassword FROM pg_authid'],
];

const DENIED = '42501';
const WRONG_PASSWORD = '28P01';

/** Runs one statement by itself. Resolves to the code of its refusal, or to its rows. */
async function run(url: string, statement: string): Promise<string | object[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query<object>(statement)).rows;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function moved(url: string, to: Partial<Pick<URL, 'pathname' | 'username' | 'password'>>): string {
  return Object.assign(new URL(url), to).href;
}

/** What a service's own role may do in the databases of a stack as the launcher made them. */
export function describeDatabaseRoles(stack: () => RunningStack): void {
  describe.each(SERVICE_NAMES)('the role that %s runs as', (service) => {
    const name = databaseName(service);
    const urlOf = (of: ServiceName) => stack().current().databases[of];

    it('reaches its own database and no other', async () => {
      const url = urlOf(service);
      expect(await run(url, 'SELECT current_user AS role')).toEqual([{ role: `${name}_app` }]);
      const others = SERVICE_NAMES.filter((other) => other !== service).map(databaseName);
      for (const database of [...others, 'postgres', 'template1']) {
        const told = await run(moved(url, { pathname: `/${database}` }), 'SELECT 1');
        expect([database, told]).toEqual([database, DENIED]);
      }
    });

    it('is let in by its own password alone', async () => {
      const url = urlOf(service);
      const { password } = new URL(urlOf(service === 'order' ? 'coupon' : 'order'));
      expect(await run(moved(url, { password }), 'SELECT 1')).toBe(WRONG_PASSWORD);
      expect(await run(moved(url, { username: `${name}_owner` }), 'SELECT 1')).toBe(WRONG_PASSWORD);
    });

    it.each(Object.entries(LEDGERS[service]))('adds to %s and reads it, no more', async (table, column) => {
      const url = urlOf(service);
      const rights = `SELECT has_table_privilege('${table}', 'INSERT') AND has_table_privilege('${table}', 'SELECT') AS ok`;
      expect(await run(url, rights)).toEqual([{ ok: true }]);
      // None of them would change a row if it were allowed.
      for (const statement of [
        `UPDATE ${table} SET ${column} = ${column} WHERE false`,
        `DELETE FROM ${table} WHERE false`,
        `BEGIN; TRUNCATE ${table}; ROLLBACK`,
      ]) {
        expect([statement, await run(url, statement)]).toEqual([statement, DENIED]);
      }
    });

    it('may change every table but the ledgers and the history of migrations, so that a new ledger is declared here', async () => {
      const unchanged = [...Object.keys(LEDGERS[service]), '_prisma_migrations'].sort();
      for (const right of ['UPDATE', 'DELETE']) {
        const kept = `SELECT relname AS table FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT has_table_privilege(oid, '${right}')`;
        const tables = (await run(urlOf(service), kept)) as Array<{ table: string }>;
        expect(tables.map(({ table }) => table).sort()).toEqual(unchanged);
      }
    });

    it.each([...BEYOND, ['become the owner', `SET ROLE ${name}_owner`] as const])(
      'cannot %s',
      async (_what, statement) => {
        const undone = statement.startsWith('CREATE DATABASE') ? statement : `BEGIN; ${statement}; ROLLBACK`;
        expect(await run(urlOf(service), undone)).toBe(DENIED);
      },
    );

    it('is nothing but itself: no superuser, no member of any role', async () => {
      const rows = await stack().sql(
        service,
        `SELECT rolname::text AS role FROM pg_roles
          WHERE rolname = ANY ($1::text[])
            AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
         UNION ALL SELECT roleid::regrole::text FROM pg_auth_members WHERE member::regrole::text = ANY ($1::text[])`,
        [[`${name}_app`, `${name}_owner`]],
      );
      expect(rows).toEqual([]);
    });
  });
}
