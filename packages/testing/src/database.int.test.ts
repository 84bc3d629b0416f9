import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.ts';

const MIGRATION = `
CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE ledger (id BIGINT PRIMARY KEY);
REVOKE UPDATE, DELETE, TRUNCATE ON ledger FROM laboratory_app;`;

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a test database', () => {
  let migrations: string;
  let one: TestDatabase;
  let other: TestDatabase;

  beforeAll(async () => {
    migrations = mkdtempSync(join(tmpdir(), 'orderflow-migrations-'));
    mkdirSync(join(migrations, '20260101000000_init'));
    writeFileSync(join(migrations, '20260101000000_init', 'migration.sql'), MIGRATION);
    const options = { name: 'laboratory', migrations };
    // At once, as the suites of two workers do.
    [one, other] = await Promise.all([createTestDatabase(options), createTestDatabase(options)]);
  });

  afterAll(async () => {
    await Promise.all([one.drop(), other.drop()]);
    rmSync(migrations, { recursive: true });
  });

  it('is migrated, records its migrations, and is nobody else’s', async () => {
    await query(one.url, `INSERT INTO things (name) VALUES ('mine')`);
    expect(await query(one.url, 'SELECT id, name FROM things')).toEqual([{ id: '1', name: 'mine' }]);
    expect(await query(other.url, 'SELECT * FROM things')).toEqual([]);
    expect(await query(other.url, 'SELECT migration_name FROM _prisma_migrations')).toEqual([
      { migration_name: '20260101000000_init' },
    ]);
  });

  it('gives the app role its rights and no more; the owner has all', async () => {
    await query(one.url, 'INSERT INTO ledger VALUES (1)');
    await expect(query(one.url, 'DELETE FROM ledger')).rejects.toThrow('permission denied');
    await expect(query(one.url, 'CREATE TABLE mine ()')).rejects.toThrow('permission denied');
    await query(one.ownerUrl, 'TRUNCATE things, ledger RESTART IDENTITY');
  });

  it('can be taken away: its connections break and new ones are refused, until it is brought back', async () => {
    const client = new pg.Client({ connectionString: one.url });
    const broken = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await one.takeAway();
    await broken;
    await expect(query(one.url, 'SELECT 1')).rejects.toMatchObject({ code: '55000' });
    expect(await query(other.url, 'SELECT 1')).toHaveLength(1);
    await one.bringBack();
    expect(await query(one.url, 'SELECT 1')).toHaveLength(1);
  });
});
