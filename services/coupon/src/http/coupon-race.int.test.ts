import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool, type ConnectionPool } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import type { Route } from '@orderflow/service-runtime/route';
import { latency, sendCrowd, type CrowdAnswer, type CrowdResult } from '@orderflow/testing/crowd';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool } from '@orderflow/testing/watched-pool';
import { issueCoupon } from './issue-coupon.ts';
import { issueByRowLock } from './row-lock-issue.test.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
/** As service.ts sets it. */
const PACE = { intervalMs: 10, maxBatch: 500, maxWaiting: 10_000 };
const USERS = 5_000;
const COUPONS = 100;
const CONNECTIONS = 64;

interface Body {
  readonly id?: number;
  readonly couponId?: number;
  readonly code?: string;
}

const codeOf = ({ status, text }: CrowdAnswer) =>
  status === 201 ? 'ISSUED' : `${status} ${(JSON.parse(text) as Body).code}`;

function counts(values: readonly string[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const value of values) counted[value] = (counted[value] ?? 0) + 1;
  return counted;
}

function report(name: string, { answers, ms }: CrowdResult): number {
  const rate = answers.length / (ms / 1000);
  const times = [0.5, 0.99].map((share) => `p${share * 100} ${latency(answers, share).toFixed(1)} ms`);
  process.stdout.write(`coupon race, ${name}: ${rate.toFixed(0)} requests/s, ${times.join(', ')}\n`);
  return rate;
}

describe('the coupon race', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  const doors: Listening[] = [];

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'coupon', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
  });
  afterAll(async () => {
    await Promise.all(doors.map((door) => door.close()));
    await pool.end();
    await database.drop();
  });

  async function serve(route: Route): Promise<string> {
    const app = createHttpApp({
      routes: [route],
      // The header is the user id: who may have which token is tested where tokens are checked.
      verifyToken: (user) =>
        Promise.resolve({
          userId: Number(user),
          roles: new Set(),
          expiresAt: Number.POSITIVE_INFINITY,
        }),
      logger: createLogger({ service: 'coupon', level: 'silent' }),
      metrics: createMetrics('coupon'),
    });
    const door = await listen(app, { host: '127.0.0.1', port: 0 });
    doors.push(door);
    return door.url;
  }
  const joined = (from: ConnectionPool = pool) =>
    serve(issueCoupon({ pool: from, outbox: messageOutbox, handOver: () => undefined }, PACE));

  async function openSource(quantity: number): Promise<number> {
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity)
       VALUES ('Welcome', 3, $1, $1) RETURNING id`,
      [quantity],
    );
    return rows[0]!.id;
  }

  const race = (url: string, sourceId: number, users: readonly number[]) =>
    sendCrowd({
      url,
      connections: CONNECTIONS,
      requests: users.map((user) => ({
        path: `/v1/coupon-sources/${sourceId}/coupons`,
        headers: { Authorization: String(user) },
      })),
    });
  const users = (count: number) => Array.from({ length: count }, (_, place) => place + 1);

  /** Invariant I3, and that each answer says what is in the tables. */
  async function expectExact(sourceId: number, answers: readonly CrowdAnswer[]): Promise<void> {
    const { rows } = await pool.query<{ id: number; user: number }>(
      'SELECT id, user_id AS user FROM coupons WHERE coupon_source_id = $1',
      [sourceId],
    );
    expect(new Set(rows.map(({ user }) => user)).size).toBe(COUPONS);
    const told = answers.flatMap(({ status, text }, place) =>
      status === 201 ? [`${place + 1} has ${(JSON.parse(text) as Body).id}`] : [],
    );
    expect(told.sort()).toEqual(rows.map(({ id, user }) => `${user} has ${id}`).sort());
    const source = await pool.query(
      'SELECT quantity, initial_quantity - quantity AS issued FROM coupon_sources WHERE id = $1',
      [sourceId],
    );
    expect(source.rows).toEqual([{ quantity: 0, issued: COUPONS }]);
  }

  it('of 5,000 users for 100 coupons has 100 winners, and outruns a row lock a request', async () => {
    const urls = [await joined(), await serve(issueByRowLock(pool))] as const;
    // Neither pays for a cold start.
    for (const url of urls) await race(url, await openSource(COUPONS), users(500));
    const rates: number[] = [];
    for (const [name, url] of [
      ['joined into shared commits', urls[0]],
      ['a row lock a request', urls[1]],
    ] as const) {
      const sourceId = await openSource(COUPONS);
      const result = await race(url, sourceId, users(USERS));
      rates.push(report(name, result));
      expect(counts(result.answers.map(codeOf))).toEqual({
        ISSUED: COUPONS,
        '409 SOLD_OUT': USERS - COUPONS,
      });
      await expectExact(sourceId, result.answers);
    }
    const [ours = 0, theirs = 0] = rates;
    process.stdout.write(`coupon race: ${(ours / theirs).toFixed(1)} times as fast as the row lock\n`);
    expect(ours).toBeGreaterThan(theirs);
  }, 120_000);

  it('between two instances of the service is as exact', async () => {
    const urls = [await joined(), await joined()];
    const sourceId = await openSource(COUPONS);
    const crowd = users(1_000);
    // Everyone asks both instances, which begin at opposite ends: each would give all there is to others.
    const [there, back] = await Promise.all([
      race(urls[0]!, sourceId, crowd),
      race(urls[1]!, sourceId, crowd.toReversed()),
    ]);
    const backAgain = back.answers.toReversed();
    const won = there.answers.map((first, place) => {
      const both = [first, backAgain[place] as CrowdAnswer];
      const bodies = both.map(({ text }) => JSON.parse(text) as Body);
      expect(new Set(bodies.flatMap(({ id, couponId }) => id ?? couponId ?? [])).size).toBeLessThanOrEqual(1);
      return both.find(({ status }) => status === 201) ?? first;
    });
    expect(won.filter(({ status }) => status === 201)).toHaveLength(COUPONS);
    await expectExact(sourceId, won);
  }, 60_000);

  it('waits for an instance that is giving out the last coupon, and then refuses, without a failed try', async () => {
    const ended: string[] = [];
    const watched = watchPool(pool, ({ text, run }) => {
      if (/^(COMMIT|ROLLBACK)/.test(text)) ended.push(text);
      return run();
    });
    const url = await joined(watched);
    const sourceId = await openSource(1);
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('UPDATE coupon_sources SET quantity = 0 WHERE id = $1', [sourceId]);
      const asking = race(url, sourceId, users(1));
      await waitUntil(
        async () => {
          const { rows } = await pool.query(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          return rows.length > 0;
        },
        { what: 'a request that waits for the source' },
      );
      await other.query('COMMIT');
      expect(counts((await asking).answers.map(codeOf))).toEqual({ '409 SOLD_OUT': 1 });
      // The CHECK on what is left would have let it fail and run again.
      expect(ended).toEqual(['COMMIT']);
    } finally {
      other.release(true);
    }
  });

  it('is over without a write: who comes too late, or twice, takes no lock and no transaction id', async () => {
    const written: string[] = [];
    const watched = watchPool(pool, async ({ text, client, run }) => {
      if (text === 'COMMIT') {
        const { rows } = await client.query<{ xid: string | null }>(
          'SELECT pg_current_xact_id_if_assigned()::text AS xid',
        );
        if (rows[0]?.xid) written.push(rows[0].xid);
      }
      return run();
    });
    const url = await joined(watched);
    const sourceId = await openSource(COUPONS);
    const winners = await race(url, sourceId, users(COUPONS));
    const row = async () =>
      (await pool.query('SELECT ctid, xmin, xmax, * FROM coupon_sources WHERE id = $1', [sourceId])).rows;
    const before = await row();
    expect(written.length).toBeGreaterThan(0);
    written.length = 0;
    const late = await race(url, sourceId, users(1_000));
    expect(counts(late.answers.map(codeOf))).toEqual({
      '409 ALREADY_ISSUED': COUPONS,
      '409 SOLD_OUT': 1_000 - COUPONS,
    });
    winners.answers.forEach(({ text }, place) => {
      const { couponId } = JSON.parse(late.answers[place]!.text) as Body;
      expect(couponId).toBe((JSON.parse(text) as Body).id);
    });
    expect(written).toEqual([]);
    expect(await row()).toEqual(before);
  }, 60_000);
});
