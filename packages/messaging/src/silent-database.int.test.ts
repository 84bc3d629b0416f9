import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import type pg from 'pg';
import { createPool, transaction } from './postgres.ts';
import { openToyDatabase, type ToyDatabase } from './toy-step.test.ts';

const ANSWER_LIMIT_MS = 8_000;

describe('a database whose host has vanished', () => {
  let database: ToyDatabase;
  let proxy: TcpProxy;
  let pool: pg.Pool;

  beforeAll(async () => {
    database = await openToyDatabase();
    const url = new URL(database.url);
    proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${proxy.port}`;
    pool = createPool({ url: url.href, name: 'far', max: 1 });
  });
  afterAll(async () => {
    proxy.heal();
    await pool.end();
    await proxy.close();
    await database.close();
  });

  const pid = () => transaction(pool, (tx) => tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'));

  it('is given up after 8 s in the middle of a transaction, and its connection is not used again', async () => {
    const before = await pid();
    let askedAt = 0;
    const work = transaction(pool, async (tx) => {
      await tx.query('INSERT INTO toy_diary VALUES ($1)', ['lost']);
      proxy.hush();
      askedAt = performance.now();
      await tx.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject({
      code: 'DATABASE_AWAY',
      message: expect.stringContaining('no answer within 8000 ms'),
    });
    const waitedMs = performance.now() - askedAt;
    expect(waitedMs).toBeGreaterThan(ANSWER_LIMIT_MS - 50);
    expect(waitedMs).toBeLessThan(ANSWER_LIMIT_MS + 3_000);
    proxy.heal();
    expect((await pid()).rows).not.toEqual(before.rows);
    expect((await database.owner.query('SELECT FROM toy_diary')).rows).toEqual([]);
  });

  it('gives no connection: the caller knows after 2 s', async () => {
    proxy.hush();
    const far = createPool({ url: pool.options.connectionString ?? '', name: 'farther' });
    const askedAt = performance.now();
    await expect(transaction(far, () => Promise.resolve())).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
    expect(performance.now() - askedAt).toBeLessThan(5_000);
    proxy.heal();
    await far.end();
  });
});
