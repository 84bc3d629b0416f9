import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { waitUntil } from '@orderflow/testing/wait-until';
import pg from 'pg';
import {
  claimKeys,
  purgeKeys,
  releaseKeys,
  storeAnswers,
  type KeyClaim,
  type Queryable,
} from './idempotency.ts';

const table = `CREATE TABLE idempotency_keys (
  subject BIGINT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INT NOT NULL,
  answer TEXT NOT NULL, headers TEXT, created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(), PRIMARY KEY (subject, route, key))`;

const answer = { status: 201, json: '{"recordId": 1}', headers: { Location: '/v1/balance/records/1' } };
const claim = (key: string, more: Partial<KeyClaim> = {}): KeyClaim => ({
  subject: 7,
  route: 'POST /v1/balance/top-ups',
  key,
  fingerprint: 'f1',
  answer: null,
  ...more,
});

describe('idempotency keys', () => {
  let directory: string;
  let database: TestDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'orderflow-keys-'));
    mkdirSync(join(directory, '20260101000000_init'));
    writeFileSync(join(directory, '20260101000000_init', 'migration.sql'), table);
    database = await createTestDatabase({ name: 'runtime_keys', migrations: directory });
    pool = new pg.Pool({ connectionString: database.url, max: 4 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => pool.query('DELETE FROM idempotency_keys'));

  async function inTransaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
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

  const kinds = (claims: readonly KeyClaim[]) =>
    inTransaction(async (tx) => (await claimKeys(tx, claims)).map((outcome) => outcome.kind));

  it('are claimed once, and replay the stored answer from then on', async () => {
    await inTransaction(async (tx) => {
      expect(await claimKeys(tx, [claim('a')])).toEqual([{ kind: 'claimed' }]);
      await storeAnswers(tx, [{ ...claim('a'), answer }]);
    });
    expect(await inTransaction((tx) => claimKeys(tx, [claim('a')]))).toEqual([{ kind: 'replay', answer }]);
  });

  it('take an answer that is known ahead, in the same statement', async () => {
    const texts: string[] = [];
    await inTransaction(async (tx) => {
      const counted: Queryable = { query: (text, values) => (texts.push(text), tx.query(text, values)) };
      await claimKeys(counted, [
        claim('a', { answer }),
        claim('b', { answer: { ...answer, headers: null } }),
      ]);
    });
    expect(texts).toHaveLength(1);
    expect(await inTransaction((tx) => claimKeys(tx, [claim('b'), claim('a')]))).toEqual([
      { kind: 'replay', answer: { ...answer, headers: null } },
      { kind: 'replay', answer },
    ]);
  });

  it('belong to one subject, one route and one request', async () => {
    await kinds([claim('a', { answer })]);
    expect(
      await kinds([
        claim('a', { subject: 8, answer }),
        claim('a', { route: 'POST /v1/orders', answer }),
        claim('a', { fingerprint: 'f2', answer }),
      ]),
    ).toEqual(['claimed', 'claimed', 'reused']);
  });

  it('follow the first equal one of their own batch, or are refused with it', async () => {
    const batch = [
      claim('a', { answer }),
      claim('b', { answer }),
      claim('a', { answer }),
      claim('a', { answer, fingerprint: 'f2' }),
    ];
    expect(await inTransaction((tx) => claimKeys(tx, batch))).toEqual([
      { kind: 'claimed' },
      { kind: 'claimed' },
      { kind: 'follows', index: 0 },
      { kind: 'reused' },
    ]);
    expect(await kinds(batch)).toEqual(['replay', 'replay', 'replay', 'reused']);
  });

  it('are judged one by one against a stored request, whatever stands first in the batch', async () => {
    await kinds([claim('a', { answer })]);
    expect(await kinds([claim('a', { fingerprint: 'f2' }), claim('a')])).toEqual(['reused', 'replay']);
  });

  it('are free again when their request was refused, or its transaction rolled back', async () => {
    await inTransaction(async (tx) => {
      await claimKeys(tx, [claim('a'), claim('b')]);
      await releaseKeys(tx, [claim('a')]);
      await storeAnswers(tx, [{ ...claim('b'), answer }]);
    });
    await inTransaction(async (tx) => {
      await claimKeys(tx, [claim('c')]);
      throw new Error('rolled back');
    }).catch(() => undefined);
    expect(await kinds([claim('a', { answer }), claim('b'), claim('c', { answer })])).toEqual([
      'claimed',
      'replay',
      'claimed',
    ]);
  });

  it('wait for a transaction that holds the key, and replay what it stored', async () => {
    let waiting: Promise<string[]> | undefined;
    await inTransaction(async (tx) => {
      await claimKeys(tx, [claim('a', { answer })]);
      waiting = kinds([claim('a', { answer })]);
      await waitUntil(async () => (await pool.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount, {
        what: 'the second transaction waiting for the first',
      });
    });
    expect(await waiting).toEqual(['replay']);
  });

  it('are in progress when that wait takes longer than lock_timeout', async () => {
    await inTransaction(async (tx) => {
      await claimKeys(tx, [claim('a', { answer })]);
      const second = inTransaction(async (other) => {
        await other.query(`SET LOCAL lock_timeout = '50ms'`);
        return claimKeys(other, [claim('a', { answer })]);
      });
      await expect(second).rejects.toMatchObject({
        code: 'IDEMPOTENCY_IN_PROGRESS',
        status: 409,
        headers: { 'Retry-After': '1' },
      });
    });
  });

  it('never deadlock: two batches with the same keys in opposite order both end', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => claim(`k${index}`, { answer }));
    for (let round = 0; round < 10; round += 1) {
      await pool.query('DELETE FROM idempotency_keys');
      const [one, two] = await Promise.all([kinds(keys), kinds([...keys].reverse())]);
      expect([...one, ...two].filter((kind) => kind === 'claimed')).toHaveLength(50);
    }
  });

  it('live seven days, and are purged in batches', async () => {
    await kinds([claim('old1', { answer }), claim('old2', { answer }), claim('young', { answer })]);
    await pool.query(
      `UPDATE idempotency_keys SET created_at = now() - interval '8 days' WHERE key LIKE 'old%'`,
    );
    expect(await purgeKeys(pool, { days: 7, limit: 1 })).toBe(1);
    expect(await purgeKeys(pool, { days: 7, limit: 10 })).toBe(1);
    expect((await pool.query('SELECT key FROM idempotency_keys')).rows).toEqual([{ key: 'young' }]);
  });
});
