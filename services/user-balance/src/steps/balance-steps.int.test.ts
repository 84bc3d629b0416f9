import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { couponApplied, orderCancelling, PAID_AT, toDeliveries } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { statementsOf, type ConnectionPool } from '@orderflow/testing/watched-pool';
import { chargeOrders } from './charge-orders.ts';
import { refundOrders } from './refund-orders.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the steps of user-balance on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let owner: ReturnType<typeof createPool>;
  /** Has 10.00. */
  let ann: number;
  /** Never had a balance. */
  let bob: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'user_balance', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    owner = createPool({ url: database.ownerUrl, name: 'tests', max: 1 });
  });

  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  beforeEach(async () => {
    await owner.query('TRUNCATE users, balances, balance_records, order_charges, outbox');
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO users (name) VALUES ('Ann'), ('Bob') RETURNING id`,
    );
    [ann, bob] = rows.map(({ id }) => id) as [number, number];
    await pool.query('INSERT INTO balances (user_id, amount) VALUES ($1, 10)', [ann]);
  });

  const chargeTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step: chargeOrders, pool: to, outbox: messageOutbox }, toDeliveries(events));
  const refundTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step: refundOrders, pool: to, outbox: messageOutbox }, toDeliveries(events));
  const charge = (...events: ReceivedEvent[]) => chargeTo(pool, ...events);
  const refund = (...events: ReceivedEvent[]) => refundTo(pool, ...events);

  const balances = async () =>
    Object.fromEntries(
      (
        await pool.query<{ userId: number; amount: bigint }>(
          'SELECT user_id AS "userId", amount FROM balances',
        )
      ).rows.map(({ userId, amount }) => [userId, amount]),
    );
  const records = async () =>
    (
      await pool.query(
        `SELECT b.user_id AS "userId", r.type, r.amount, r.order_id AS "orderId"
           FROM balance_records r JOIN balances b ON b.id = r.balance_id ORDER BY r.id`,
      )
    ).rows;
  const fences = async () =>
    (
      await pool.query(
        `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
           FROM order_charges ORDER BY order_id`,
      )
    ).rows;

  const someoneWaits = () =>
    waitUntil(async () => {
      const { rows } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });

  it('takes the sum per user, one ledger row an order, and answers every order', async () => {
    const { row } = await charge(
      couponApplied({ orderId: 14, userId: ann, totalAmount: 600n }),
      couponApplied({ orderId: 13, userId: ann, totalAmount: 401n }),
      couponApplied({ orderId: 12, userId: ann, totalAmount: 400n }),
      couponApplied({ orderId: 11, userId: bob, totalAmount: 0n }),
      couponApplied({ orderId: 10, userId: bob + 1000, totalAmount: 0n }),
    );
    expect(await balances()).toEqual({ [ann]: 0n, [bob]: 0n });
    expect(await records()).toEqual([
      { userId: bob, type: 'CHARGE', amount: 0n, orderId: 11 },
      { userId: ann, type: 'CHARGE', amount: 400n, orderId: 12 },
      { userId: ann, type: 'CHARGE', amount: 600n, orderId: 14 },
    ]);
    expect(await fences()).toEqual([
      { orderId: 10, status: 'rejected', attempt: 0, userId: bob + 1000, amount: 0n },
      { orderId: 11, status: 'done', attempt: 0, userId: bob, amount: 0n },
      { orderId: 12, status: 'done', attempt: 0, userId: ann, amount: 400n },
      { orderId: 13, status: 'rejected', attempt: 0, userId: ann, amount: 401n },
      { orderId: 14, status: 'done', attempt: 0, userId: ann, amount: 600n },
    ]);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'balance-charged/14',
      'balance-rejected/13',
      'balance-charged/12',
      'balance-charged/11',
      'balance-rejected/10',
    ]);
  });

  it('never takes more than there is, however many orders ask at once', async () => {
    await Promise.all(
      [10, 11, 12, 13].map((orderId) => charge(couponApplied({ orderId, userId: ann, totalAmount: 400n }))),
    );
    expect(await balances()).toEqual({ [ann]: 200n });
    expect(await records()).toHaveLength(2);
  });

  it('makes a missing balance once when two batches need it at the same time', async () => {
    await Promise.all(
      [10, 11, 12].map((orderId) => charge(couponApplied({ orderId, userId: bob, totalAmount: 0n }))),
    );
    expect(await balances()).toEqual({ [ann]: 1000n, [bob]: 0n });
    expect(await records()).toHaveLength(3);
  });

  it('locks balances by user, whatever order the events come in, so that batches cannot wait in a circle', async () => {
    await pool.query('INSERT INTO balances (user_id, amount) VALUES ($1, 10)', [bob]);
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM balances WHERE user_id = $1 FOR UPDATE', [ann]);
      const waiting = charge(
        couponApplied({ orderId: 10, userId: bob }),
        couponApplied({ orderId: 11, userId: ann }),
      );
      await someoneWaits();
      await other.query('SELECT FROM balances WHERE user_id = $1 FOR UPDATE NOWAIT', [bob]);
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 2 });
    } finally {
      other.release(true);
    }
  });

  it('gives back what its own row says, in one sum a user, once', async () => {
    await charge(
      couponApplied({ orderId: 10, userId: ann, totalAmount: 300n }),
      couponApplied({ orderId: 11, userId: ann, totalAmount: 200n }),
    );
    const cancelling = [
      orderCancelling({ orderId: 10, userId: bob, totalAmount: 9_999n, paidAt: PAID_AT }),
      orderCancelling({ orderId: 11, userId: ann }),
    ];
    await refund(...cancelling);
    expect(await refund(...cancelling)).toMatchObject({ facts: 0, row: undefined });
    expect(await balances()).toEqual({ [ann]: 1000n });
    expect((await records()).slice(2)).toEqual([
      { userId: ann, type: 'REFUND', amount: 300n, orderId: 10 },
      { userId: ann, type: 'REFUND', amount: 200n, orderId: 11 },
    ]);
  });

  it('writes a tombstone and the nudge of the same batch as one row, and charges nothing after it', async () => {
    const { row } = await refund(
      orderCancelling({ orderId: 10 }),
      orderCancelling({ orderId: 10, attempt: 1 }),
    );
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'balance-refunded/10',
      'balance-refunded/10/1',
    ]);
    await charge(couponApplied({ orderId: 10, userId: ann }));
    expect(await fences()).toEqual([
      { orderId: 10, status: 'undone', attempt: 1, userId: null, amount: null },
    ]);
    expect(await balances()).toEqual({ [ann]: 1000n });
  });

  it('remembers the attempts of nudges to orders that were done, rejected or undone', async () => {
    await charge(
      couponApplied({ orderId: 10, userId: ann, totalAmount: 300n }),
      couponApplied({ orderId: 11, userId: ann, totalAmount: 9_999n }),
    );
    await refund(orderCancelling({ orderId: 10 }));
    const nudges = [
      orderCancelling({ orderId: 10, attempt: 1 }),
      orderCancelling({ orderId: 11, attempt: 2 }),
    ];
    const { row } = await refund(...nudges);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'balance-refunded/10/1',
      'balance-refunded/11/2',
    ]);
    expect(await refund(...nudges)).toMatchObject({ facts: 0, row: undefined });
    expect(await fences()).toMatchObject([
      { orderId: 10, status: 'undone', attempt: 1 },
      { orderId: 11, status: 'undone', attempt: 2 },
    ]);
    expect(await balances()).toEqual({ [ann]: 1000n });
  });

  it('loses the race to a tombstone that is not committed yet, and then takes nothing', async () => {
    const other = await pool.connect();
    await other.query(`BEGIN; INSERT INTO order_charges (order_id, status) VALUES (10, 'undone')`);
    const event = couponApplied({ orderId: 10, userId: ann });
    const lost = expect(charge(event)).rejects.toMatchObject({
      code: '23505',
      constraint: chargeOrders.fences[0],
    });
    await someoneWaits();
    await other.query('COMMIT');
    other.release();
    await lost;
    expect(await charge(event)).toMatchObject({ facts: 0 });
    expect(await balances()).toEqual({ [ann]: 1000n });
  });

  it('has CHECK (amount >= 0) behind it', async () => {
    await expect(pool.query('UPDATE balances SET amount = -0.01')).rejects.toMatchObject({
      code: '23514',
      constraint: 'balances_amount_check',
    });
  });

  it('keeps the ledger append-only for its own role', async () => {
    for (const statement of ['UPDATE balance_records SET amount = 1', 'DELETE FROM balance_records']) {
      await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('reaches every row through an index, on empty tables too', async () => {
    const texts = [
      ...(await statementsOf(pool, (watched) =>
        chargeTo(watched, couponApplied({ orderId: 10, userId: ann })),
      )),
      ...(await statementsOf(pool, (watched) => refundTo(watched, orderCancelling({ orderId: 10 })))),
    ].filter((text) => /^(SELECT|INSERT|UPDATE)/.test(text));
    expect(texts).toHaveLength(3 + 3 + 1 + 3 + 4 + 1);
    for (const text of texts) {
      const { rows } = await pool.query<Record<string, string>>(`EXPLAIN (GENERIC_PLAN) ${text}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
    }
  });
});
