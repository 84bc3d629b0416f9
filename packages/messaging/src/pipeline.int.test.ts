import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTcpProxy } from '@orderflow/testing/tcp-proxy';
import { watchPool } from '@orderflow/testing/watched-pool';
import type pg from 'pg';
import { createPool, loadedTransaction, transaction } from './postgres.ts';
import { openToyDatabase, readDiary, type ToyDatabase } from './toy-step.test.ts';

const DIVISION_BY_ZERO = '22012';

/** A way to Postgres that passes so many bytes on and then breaks. */
async function createTornWay(databaseUrl: string) {
  const url = new URL(databaseUrl);
  const way = { url: '', passed: 0, limit: Infinity };
  const server = createServer((near) => {
    const far = connect(Number(url.port), url.hostname);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('data', (sent: Buffer) => {
      const rest = way.limit - way.passed;
      way.passed += Math.min(sent.length, rest);
      if (sent.length <= rest) return void far.write(sent);
      far.end(sent.subarray(0, rest));
      near.resetAndDestroy();
    });
    near.on('close', () => far.end());
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  way.url = Object.assign(new URL(databaseUrl), {
    port: String((server.address() as AddressInfo).port),
  }).href;
  return { way, close: () => new Promise((resolve) => server.close(resolve)) };
}

describe('a pipelined transaction', () => {
  let database: ToyDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await openToyDatabase();
    pool = database.pool;
  });
  afterEach(() => database.owner.query('TRUNCATE toy_diary'));
  afterAll(() => database.close());

  const diary = () => readDiary(database);

  it('sends what nobody waits for with the COMMIT, in order, and knows its answers then', async () => {
    const sent = await transaction(pool, async (tx) => {
      tx.send('INSERT INTO toy_diary VALUES ($1)', ['one']);
      const counted = tx.send<{ count: number }>('SELECT count(*)::int AS count FROM toy_diary', []);
      tx.send('INSERT INTO toy_diary VALUES ($1)', ['two']);
      expect(() => counted.rows).toThrow('has no answer before it');
      return counted;
    });
    expect(sent.rows).toEqual([{ count: 1 }]);
    expect(await diary()).toEqual(['one', 'two']);
  });

  it('sends what was held back before what is asked next', async () => {
    const { rows } = await transaction(pool, async (tx) => {
      tx.send('INSERT INTO toy_diary VALUES ($1)', ['held']);
      return tx.query('SELECT entry FROM toy_diary');
    });
    expect(rows).toEqual([{ entry: 'held' }]);
  });

  it('commits nothing when a statement fails that travels with the COMMIT, and names that one', async () => {
    const single = createPool({ url: database.url, name: 'one', max: 1 });
    try {
      const work = transaction(single, async (tx) => {
        tx.send('INSERT INTO toy_diary VALUES ($1)', ['before']);
        tx.send('SELECT 1 / $1::int', [0]);
        tx.send('INSERT INTO toy_diary VALUES ($1)', ['after']);
      });
      await expect(work).rejects.toMatchObject({ code: DIVISION_BY_ZERO });
      expect(await diary()).toEqual([]);
      await transaction(single, async (tx) => void tx.send('INSERT INTO toy_diary VALUES ($1)', ['next']));
      expect(await diary()).toEqual(['next']);
    } finally {
      await single.end();
    }
  });

  it('names the statement that failed, not the one that it made fail', async () => {
    const work = transaction(pool, async (tx) => {
      tx.send('SELECT 1 / $1::int', [0]);
      await tx.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject({ code: DIVISION_BY_ZERO });
  });

  it('needs two round trips, whatever is loaded and sent', async () => {
    const url = new URL(database.url);
    const proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    const single = createPool({ url: url.href, name: 'one', max: 1 });
    try {
      const run = () =>
        loadedTransaction(
          single,
          (tx) => Promise.all([tx.query('SELECT 1'), tx.query('SELECT 2')]),
          async (tx) => {
            tx.send('INSERT INTO toy_diary VALUES ($1)', ['one']);
            tx.send('DELETE FROM toy_diary', []);
          },
        );
      await run();
      const before = proxy.writes();
      await run();
      expect(proxy.writes() - before).toBe(2);
    } finally {
      await single.end();
      await proxy.close();
    }
  });

  it('sends nothing behind BEGIN but the load', async () => {
    const texts: string[] = [];
    const refusing = watchPool(pool, ({ text, run }) => {
      texts.push(text);
      return text.startsWith('BEGIN') ? Promise.reject(new Error('planted')) : run();
    });
    const work = transaction(refusing, async (tx) => {
      await tx.query('INSERT INTO toy_diary VALUES ($1)', ['alone']);
    });
    await expect(work).rejects.toThrow('planted');
    expect(texts.slice(1)).toEqual(['ROLLBACK']);
    expect(await diary()).toEqual([]);
  });

  it('leaves nothing when the connection breaks anywhere within what travels with the COMMIT', async () => {
    const { way, close } = await createTornWay(database.url);
    const single = createPool({ url: way.url, name: 'torn', max: 1 });
    let begin = 0;
    const run = (entry: string, bytes: number) =>
      transaction(single, async (tx) => {
        await tx.query('SELECT 1 AS one');
        begin = way.passed;
        way.limit = begin + bytes;
        for (const part of ['a', 'b', 'c']) tx.send('INSERT INTO toy_diary VALUES ($1)', [entry + part]);
      });
    try {
      for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
        way.limit = Infinity;
        await run(`prepared ${share} `, Infinity);
        await run(`measured ${share} `, Infinity);
        const length = way.passed - begin;
        await expect(run(`torn ${share} `, Math.floor(length * share))).rejects.toMatchObject({
          code: 'DATABASE_AWAY',
        });
      }
      expect((await diary()).filter((entry) => entry.startsWith('torn'))).toEqual([]);
      way.limit = Infinity;
      await run('after ', Infinity);
      expect(await diary()).toContain('after c');
    } finally {
      await single.end();
      await close();
    }
  });
});
