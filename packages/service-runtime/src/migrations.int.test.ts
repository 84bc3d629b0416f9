import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUrl } from '@orderflow/testing/backends';
import pg from 'pg';
import { isBackendAway } from './backend-away.ts';
import { createLogger } from './logger.ts';
import { migrate, pendingMigrations } from './migrations.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

describe('migrations', () => {
  let admin: pg.Client;
  let name: string;
  let url: string;
  let database: pg.Client;
  let directory: string;

  beforeAll(async () => {
    admin = new pg.Client(await postgresUrl());
    await admin.connect();
  });
  afterAll(() => admin.end());

  beforeEach(async () => {
    name = `migrations_${randomBytes(4).toString('hex')}`;
    await admin.query(`CREATE DATABASE ${name}`);
    const moved = new URL(await postgresUrl());
    moved.pathname = `/${name}`;
    url = moved.href;
    database = new pg.Client(url);
    await database.connect();
    directory = mkdtempSync(join(tmpdir(), 'orderflow-migrations-'));
    write('20260101000000_init', 'CREATE TABLE things (id BIGINT PRIMARY KEY);\n');
  });
  afterEach(async () => {
    await database.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    rmSync(directory, { recursive: true });
  });

  function write(migration: string, sql: string): void {
    mkdirSync(join(directory, migration), { recursive: true });
    writeFileSync(join(directory, migration, 'migration.sql'), sql);
  }

  const run = () => migrate({ url, directory, logger });
  const pending = () => pendingMigrations({ database, directory });

  it('are applied in order, once, and told before', async () => {
    write(
      '20260102000000_more',
      'ALTER TABLE things ADD COLUMN name TEXT; INSERT INTO things VALUES (1, $$a$$);',
    );
    expect(await pending()).toEqual(['20260101000000_init', '20260102000000_more']);
    expect(await run()).toEqual(['20260101000000_init', '20260102000000_more']);
    expect(await run()).toEqual([]);
    expect(await pending()).toEqual([]);
    expect((await database.query('SELECT name FROM things')).rows).toEqual([{ name: 'a' }]);
  });

  it('are applied by one of several processes that start together', async () => {
    const applied = await Promise.all([run(), run(), run()]);
    expect(applied.flat()).toEqual(['20260101000000_init']);
  });

  it('are recorded as Prisma records them: the same table, the same checksum', async () => {
    await run();
    const { rows: columns } = await database.query(
      `SELECT column_name, data_type, character_maximum_length AS length, is_nullable, column_default
       FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`,
    );
    // As prisma-engines' Postgres flavour creates it.
    expect(columns).toEqual([
      {
        column_name: 'id',
        data_type: 'character varying',
        length: 36,
        is_nullable: 'NO',
        column_default: null,
      },
      {
        column_name: 'checksum',
        data_type: 'character varying',
        length: 64,
        is_nullable: 'NO',
        column_default: null,
      },
      {
        column_name: 'finished_at',
        data_type: 'timestamp with time zone',
        length: null,
        is_nullable: 'YES',
        column_default: null,
      },
      {
        column_name: 'migration_name',
        data_type: 'character varying',
        length: 255,
        is_nullable: 'NO',
        column_default: null,
      },
      { column_name: 'logs', data_type: 'text', length: null, is_nullable: 'YES', column_default: null },
      {
        column_name: 'rolled_back_at',
        data_type: 'timestamp with time zone',
        length: null,
        is_nullable: 'YES',
        column_default: null,
      },
      {
        column_name: 'started_at',
        data_type: 'timestamp with time zone',
        length: null,
        is_nullable: 'NO',
        column_default: 'now()',
      },
      {
        column_name: 'applied_steps_count',
        data_type: 'integer',
        length: null,
        is_nullable: 'NO',
        column_default: '0',
      },
    ]);
    const { rows } = await database.query('SELECT * FROM _prisma_migrations');
    expect(rows).toEqual([
      expect.objectContaining({
        // sha256sum of the file written above.
        checksum: 'dcf3e2088320cca1b9d447e49e33cdff76142bebc3888f66316840d8ee4bc611',
        migration_name: '20260101000000_init',
        finished_at: expect.any(Date),
        rolled_back_at: null,
        applied_steps_count: 1,
      }),
    ]);
  });

  it('that were edited after they were applied are refused, in readiness too', async () => {
    await run();
    write('20260101000000_init', 'CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT);\n');
    await expect(run()).rejects.toThrow('20260101000000_init was edited after it was applied');
    await expect(pending()).rejects.toThrow('was edited');
  });

  it('that fail leave nothing, name their line, and run again when they are repaired', async () => {
    write('20260102000000_more', 'CREATE TABLE more (id BIGINT);\nCREATE TABLE things (id BIGINT);\n');
    await expect(run()).rejects.toThrow(/20260102000000_more failed.*already exists; nothing of it was kept/);
    expect(await pending()).toEqual(['20260102000000_more']);
    write(
      '20260102000000_more',
      'CREATE TABLE more (id BIGINT);\nALTER TABLE nothing ADD x INT;\nSELECT wrong;\n',
    );
    await expect(run()).rejects.toThrow(/nothing of it was kept/);
    write('20260102000000_more', 'CREATE TABLE more (id BIGINT);\nSELECT wrong;\n');
    await expect(run()).rejects.toThrow('failed at line 2');
    write('20260102000000_more', 'CREATE TABLE more (id BIGINT);\n');
    expect(await run()).toEqual(['20260102000000_more']);
  });

  it('are kept together with their record, or not at all', async () => {
    await run();
    write(
      '20260102000000_more',
      `CREATE TABLE more (id BIGINT); ALTER TABLE _prisma_migrations ADD CHECK (migration_name NOT LIKE '%more');`,
    );
    await expect(run()).rejects.toThrow('nothing of it was kept');
    expect((await database.query(`SELECT to_regclass('more') AS made`)).rows).toEqual([{ made: null }]);
  });

  it('that another tool left half done are refused until somebody has looked', async () => {
    await run();
    await database.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20260102000000_more')`,
    );
    await expect(run()).rejects.toThrow('20260102000000_more began and did not finish');
    await database.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'x'`);
    expect(await run()).toEqual([]);
  });

  it('that cannot have a table give way at once, and come when it is free', async () => {
    await run();
    write('20260102000000_more', 'ALTER TABLE things ADD COLUMN name TEXT;\n');
    const holder = new pg.Client(url);
    await holder.connect();
    await holder.query('BEGIN; SELECT * FROM things');
    const refused = await run().then(
      () => null,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ message: expect.stringMatching(/lock timeout; nothing of it was kept/) });
    // So a service that starts tries again.
    expect(isBackendAway(refused)).toBe(true);
    await holder.end();
    expect(await run()).toEqual(['20260102000000_more']);
  });

  it('can be read by the role that a service runs as, and not written', async () => {
    const role = `${name}_app`;
    await admin.query(`CREATE ROLE ${role}`);
    await database.query(
      `ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`,
    );
    await run();
    const rights = async (table: string) => {
      const { rows } = await database.query<{ right: string }>(
        `SELECT r AS right FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r WHERE has_table_privilege($1, $2, r)`,
        [role, table],
      );
      return rows.map(({ right }) => right);
    };
    expect(await rights('_prisma_migrations')).toEqual(['SELECT']);
    expect(await rights('things')).toEqual(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
    await database.query(`DROP OWNED BY ${role}`);
    await admin.query(`DROP ROLE ${role}`);
  });

  it('of a newer release do not stop an older one', async () => {
    write('20260102000000_more', 'CREATE TABLE more (id BIGINT);');
    await run();
    rmSync(join(directory, '20260102000000_more'), { recursive: true });
    expect(await run()).toEqual([]);
    expect(await pending()).toEqual([]);
  });
});
