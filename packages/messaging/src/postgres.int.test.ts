import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { statementsOf, watchPool } from '@orderflow/testing/watched-pool';
import type pg from 'pg';
import { amounts, createPool, transaction } from './postgres.ts';
import { openToyDatabase, readDiary, type ToyDatabase } from './toy-step.test.ts';

const DIVISION_BY_ZERO = '22012';

describe('transaction', () => {
  let database: ToyDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await openToyDatabase();
    pool = database.pool;
  });
  afterEach(() => database.owner.query('TRUNCATE toy_diary'));
  afterAll(() => database.close());

  const write = (entry: string) => ({ text: 'INSERT INTO toy_diary VALUES ($1)', values: [entry] });
  const diary = () => readDiary(database);

  it('commits and gives back what the work gives back', async () => {
    const result = await transaction(pool, async (tx) => {
      await tx.query('INSERT INTO toy_diary VALUES ($1)', ['kept']);
      return 42;
    });
    expect(result).toBe(42);
    expect(await diary()).toEqual(['kept']);
  });

  it('leaves nothing of work that throws, throws the same, and goes on using the connection', async () => {
    const single = createPool({ url: database.url, name: 'one', max: 1 });
    try {
      const pid = () => transaction(single, (tx) => tx.query('SELECT pg_backend_pid() AS pid'));
      const before = await pid();
      const error = new TypeError('a bug');
      const failing = transaction(single, async (tx) => {
        await tx.query('INSERT INTO toy_diary VALUES ($1)', ['lost']);
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await diary()).toEqual([]);
      expect(await pid()).toEqual(before);
    } finally {
      await single.end();
    }
  });

  it('takes a new connection after a migration has outdated the plans of the old one', async () => {
    const single = createPool({ url: database.url, name: 'one', max: 1 });
    const read = () => transaction(single, (tx) => tx.query('SELECT * FROM toy_diary'));
    try {
      await read();
      await database.owner.query('ALTER TABLE toy_diary ADD COLUMN later text');
      await expect(read()).rejects.toMatchObject({ code: '0A000' });
      await expect(read()).resolves.toMatchObject({ rows: [] });
    } finally {
      await database.owner.query('ALTER TABLE toy_diary DROP COLUMN later');
      await single.end();
    }
  });

  it('does not take a transaction for committed whose failed statement was swallowed', async () => {
    const work = transaction(pool, async (tx) => {
      await tx.query('INSERT INTO toy_diary VALUES ($1)', ['swallowed']);
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: DIVISION_BY_ZERO });
    expect(await diary()).toEqual([]);
  });

  it('tells the database’s time in whole milliseconds, the same as now() of its statements', async () => {
    const { now, rows } = await transaction(pool, async (tx, now) => ({
      now,
      ...(await tx.query<{ same: boolean }>(
        `SELECT date_trunc('milliseconds', now()) = $1::timestamptz AND now() < clock_timestamp() AS same`,
        [now],
      )),
    }));
    expect(rows).toEqual([{ same: true }]);
    expect(Math.abs(now.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('costs two round trips besides the work’s statements', async () => {
    const texts = await statementsOf(pool, (watched) => transaction(watched, (tx) => tx.query('SELECT 1')));
    expect(texts).toHaveLength(3);
  });

  it('says that the database is away when it refuses connections', async () => {
    const closed = createPool({ url: 'postgres://nobody@127.0.0.1:1/nowhere', name: 'closed' });
    await expect(transaction(closed, async () => undefined)).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
    await closed.end();
  });

  it('says so when no connection of the pool comes free within its time', async () => {
    const busy = createPool({ url: database.url, name: 'busy', max: 1 });
    const client = await busy.connect();
    await expect(transaction(busy, async () => undefined)).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
    client.release();
    await busy.end();
  });

  describe('on a connection that breaks', () => {
    let proxy: TcpProxy;
    let fragile: pg.Pool;
    beforeAll(async () => {
      const url = new URL(database.url);
      proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port) });
      url.port = String(proxy.port);
      fragile = createPool({ url: url.href, name: 'fragile', max: 1 });
    });
    afterEach(() => proxy.heal());
    afterAll(async () => {
      await fragile.end();
      await proxy.close();
    });

    it('says that the database is away, leaves nothing, and takes a new connection next time', async () => {
      const work = transaction(fragile, async (tx) => {
        await tx.query('INSERT INTO toy_diary VALUES ($1)', ['lost']);
        proxy.cut();
        await tx.query('SELECT 1');
      });
      await expect(work).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
      expect(await diary()).toEqual([]);
      await expect(transaction(fragile, async () => undefined)).rejects.toMatchObject({
        code: 'DATABASE_AWAY',
      });
      proxy.heal();
      await transaction(fragile, (tx) => tx.query(write('back').text, write('back').values));
      expect(await diary()).toEqual(['back']);
    });

    it('says so too when the answer to COMMIT is lost: the work may have been done', async () => {
      const lossy = watchPool(fragile, async ({ text, run }) => {
        const result = await run();
        if (text === 'COMMIT') {
          proxy.cut();
          throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
        }
        return result;
      });
      const work = transaction(lossy, (tx) => tx.query(write('done').text, write('done').values));
      await expect(work).rejects.toMatchObject({ code: 'DATABASE_AWAY' });
      expect(await diary()).toEqual(['done']);
    });

    it('survives that its backend is ended while it is idle', async () => {
      await transaction(fragile, (tx) => tx.query('SELECT 1'));
      await database.cutConnections();
      await transaction(fragile, (tx) => tx.query('SELECT 1')).catch((error: unknown) => {
        expect(error).toMatchObject({ code: expect.stringMatching(/DATABASE_AWAY|57P01/) as unknown });
      });
      await transaction(fragile, (tx) => tx.query('SELECT 1'));
    });
  });
});

describe('a pool of steps', () => {
  let database: ToyDatabase;
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  afterAll(() => database.close());

  it('limits locks, statements and idle transactions, and plans without sequential scans', async () => {
    const names = [
      'enable_seqscan',
      'lock_timeout',
      'statement_timeout',
      'idle_in_transaction_session_timeout',
      'TimeZone',
      'default_transaction_isolation',
    ];
    const { rows } = await transaction(database.pool, (tx) =>
      tx.query<{ value: string }>(
        'SELECT current_setting(name) AS value FROM unnest($1::text[]) WITH ORDINALITY n (name, place) ORDER BY place',
        [names],
      ),
    );
    const values = rows.map(({ value }) => value);
    expect(values).toEqual(['off', '1500ms', '5s', '10s', 'UTC', 'read committed']);
  });

  it('reads BIGINT as numbers, DECIMAL as minor units, DATE as text, and refuses integers it cannot hold', async () => {
    const [row] = await transaction(
      database.pool,
      async (tx) =>
        (
          await tx.query(
            `SELECT 9007199254740991::bigint AS id, '{1,2}'::bigint[] AS ids, '{}'::bigint[] AS none, -12.5::numeric(17,2) AS amount,
                  '2026-03-01'::date AS day, '2026-03-01T00:00:00Z'::timestamptz AS at, NULL::bigint AS nothing`,
          )
        ).rows,
    );
    expect(row).toEqual({
      id: Number.MAX_SAFE_INTEGER,
      ids: [1, 2],
      none: [],
      amount: -1250n,
      day: '2026-03-01',
      at: new Date('2026-03-01T00:00:00Z'),
      nothing: null,
    });
    const tooLarge = transaction(database.pool, (tx) => tx.query('SELECT 9007199254740992::bigint AS id'));
    await expect(tooLarge).rejects.toThrow('integer beyond 2^53 - 1');
  });

  it('writes amounts as an array parameter', async () => {
    const { rows } = await transaction(database.pool, (tx) =>
      tx.query('SELECT amount FROM unnest($1::numeric[]) amount', [amounts([1250n, null, 0n])]),
    );
    expect(rows).toEqual([{ amount: 1250n }, { amount: null }, { amount: 0n }]);
  });

  it('writes arrays as they are: texts of any characters, numbers, nulls, bytes, none at all', async () => {
    const texts = [
      '',
      'NULL',
      '{}',
      ' , ',
      'a"b',
      'a\\b',
      '\\"',
      'line\n"one"',
      '\u0001"',
      '😀"',
      'é"',
      '{"a":"\\"b"}',
      null,
    ];
    const { rows } = await transaction(database.pool, (tx) =>
      tx.query<object>(
        `SELECT ARRAY(SELECT * FROM unnest($1::text[])) AS texts, $2::bigint[] AS ids, $3::float8[] AS numbers,
                $4::text[] AS none, $5::bytea[] AS bytes, $6::timestamptz[] AS times, $7::boolean[] AS flags`,
        [
          texts,
          [1, 2 ** 53 - 1],
          [0.5, -1e21],
          [],
          [Buffer.from('\x00\xff', 'latin1')],
          [new Date(0)],
          [true, null],
        ],
      ),
    );
    expect(rows).toEqual([
      {
        texts,
        ids: [1, 2 ** 53 - 1],
        numbers: [0.5, -1e21],
        none: [],
        bytes: [Buffer.from('\x00\xff', 'latin1')],
        times: [new Date(0)],
        flags: [true, null],
      },
    ]);
  });
});
