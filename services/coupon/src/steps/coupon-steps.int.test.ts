import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCancelling, PAID_AT, stockReserved, toDeliveries } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { statementsOf, type ConnectionPool } from '@orderflow/testing/watched-pool';
import { applyCoupons } from './apply-coupons.ts';
import { restoreCoupons } from './restore-coupons.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the steps of coupon on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  /** Coupons of 3.00 of users 1 and 2. */
  let first: number;
  let second: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'coupon', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
  });

  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  beforeEach(async () => {
    await pool.query('DELETE FROM coupon_applications; DELETE FROM outbox; DELETE FROM coupons');
    const { rows } = await pool.query<{ id: number }>(
      `WITH source AS (INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity)
         VALUES ('Welcome', 3, 0, 2) RETURNING id)
       INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount)
       SELECT user_id, id, 'Welcome', 3 FROM source, unnest(ARRAY[1, 2]) user_id RETURNING id`,
    );
    [first, second] = rows.map(({ id }) => id) as [number, number];
  });

  const apply = (...events: ReceivedEvent[]) => applyTo(pool, ...events);
  const applyTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step: applyCoupons, pool: to, outbox: messageOutbox }, toDeliveries(events));
  const restore = (...events: ReceivedEvent[]) => restoreTo(pool, ...events);
  const restoreTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step: restoreCoupons, pool: to, outbox: messageOutbox }, toDeliveries(events));

  const usedCoupons = async () =>
    (
      await pool.query<{ id: number }>('SELECT id FROM coupons WHERE used_at IS NOT NULL ORDER BY id')
    ).rows.map(({ id }) => id);
  const fences = async () =>
    (
      await pool.query(
        `SELECT order_id AS "orderId", coupon_id AS "couponId", status, attempt,
                discount_amount AS "discountAmount", refusal FROM coupon_applications ORDER BY order_id`,
      )
    ).rows;
  const sent = async () => {
    const { rows } = await pool.query<{ messages: string }>('SELECT messages FROM outbox ORDER BY id');
    return rows.flatMap(({ messages }) =>
      (JSON.parse(messages) as { headers: { ce_id: string } }[]).map(({ headers }) => headers.ce_id),
    );
  };

  const someoneWaits = () =>
    waitUntil(async () => {
      const { rows } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });

  it('marks coupons used, remembers every order and publishes every answer in one outbox row', async () => {
    const { row } = await apply(
      stockReserved({ orderId: 13, userId: 1, couponId: first }),
      stockReserved({ orderId: 12, userId: 1, couponId: first }),
      stockReserved({ orderId: 11, userId: 1, couponId: second }),
      stockReserved({ orderId: 10, couponId: null }),
    );
    expect(await usedCoupons()).toEqual([first]);
    expect(await fences()).toEqual([
      { orderId: 10, couponId: null, status: 'done', attempt: 0, discountAmount: 0n, refusal: null },
      {
        orderId: 11,
        couponId: second,
        status: 'rejected',
        attempt: 0,
        discountAmount: null,
        refusal: 'OTHER_USER',
      },
      {
        orderId: 12,
        couponId: first,
        status: 'rejected',
        attempt: 0,
        discountAmount: null,
        refusal: 'ALREADY_USED',
      },
      { orderId: 13, couponId: first, status: 'done', attempt: 0, discountAmount: 300n, refusal: null },
    ]);
    expect(await sent()).toEqual([
      'coupon-applied/13',
      'coupon-rejected/12',
      'coupon-rejected/11',
      'coupon-applied/10',
    ]);
    expect(JSON.parse(row?.messages[0]?.value ?? '')).toMatchObject({
      originalAmount: '10.00',
      discountAmount: '3.00',
      totalAmount: '7.00',
    });
  });

  it('waits for an order that is taking the coupon, and then refuses it', async () => {
    const other = await pool.connect();
    await other.query(`BEGIN; UPDATE coupons SET used_at = now() WHERE id = ${first}`);
    const waiting = apply(stockReserved({ orderId: 10, userId: 1, couponId: first }));
    await someoneWaits();
    await other.query('COMMIT');
    other.release();
    await waiting;
    expect(await sent()).toEqual(['coupon-rejected/10']);
  });

  it('locks coupons by id, whatever order the events come in, so that batches cannot wait in a circle', async () => {
    const other = await pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM coupons WHERE id = $1 FOR UPDATE', [first]);
      const waiting = apply(
        stockReserved({ orderId: 10, userId: 2, couponId: second }),
        stockReserved({ orderId: 11, userId: 1, couponId: first }),
      );
      await someoneWaits();
      await other.query('SELECT FROM coupons WHERE id = $1 FOR UPDATE NOWAIT', [second]);
      await other.query('COMMIT');
      expect(await waiting).toMatchObject({ facts: 2 });
    } finally {
      other.release(true);
    }
  });

  it('has a CHECK behind the count of what is left', async () => {
    await expect(pool.query('UPDATE coupon_sources SET quantity = -1')).rejects.toMatchObject({
      code: '23514',
      constraint: 'coupon_sources_quantity_check',
    });
  });

  it('gives each coupon to one order, however many ask at once, and answers each once', async () => {
    const events = [10, 11, 12].map((orderId) => stockReserved({ orderId, userId: 1, couponId: first }));
    await Promise.all(events.map((event) => apply(event)));
    expect((await fences()).filter(({ status }) => status === 'done')).toHaveLength(1);
    expect(await apply(...events)).toMatchObject({ facts: 0, row: undefined });
  });

  it('gives back the coupon its own row holds, whatever the event names, and once', async () => {
    await apply(stockReserved({ orderId: 10, userId: 1, couponId: first }));
    await apply(stockReserved({ orderId: 11, userId: 2, couponId: second }));
    const cancelling = orderCancelling({ orderId: 10, couponId: second, paidAt: PAID_AT });
    await restore(cancelling);
    expect(await usedCoupons()).toEqual([second]);
    await apply(stockReserved({ orderId: 12, userId: 1, couponId: first }));
    expect(await restore(cancelling)).toMatchObject({ facts: 0, row: undefined });
    expect(await usedCoupons()).toEqual([first, second]);
    expect(await fences()).toMatchObject([
      { orderId: 10, status: 'undone' },
      { orderId: 11, status: 'done' },
      { orderId: 12, status: 'done' },
    ]);
  });

  it('writes a tombstone and the nudge of the same batch as one row with the last attempt', async () => {
    await restore(orderCancelling({ orderId: 10 }), orderCancelling({ orderId: 10, attempt: 1 }));
    expect(await fences()).toMatchObject([{ orderId: 10, couponId: null, status: 'undone', attempt: 1 }]);
    expect(await sent()).toEqual(['coupon-restored/10', 'coupon-restored/10/1']);
    await apply(stockReserved({ orderId: 10, userId: 1, couponId: first }));
    expect(await usedCoupons()).toEqual([]);
  });

  it('remembers the attempts of nudges to orders that were done, rejected or undone', async () => {
    await apply(stockReserved({ orderId: 10 }), stockReserved({ orderId: 11, couponId: first + 1000 }));
    await restore(orderCancelling({ orderId: 10 }));
    await restore(
      orderCancelling({ orderId: 10, attempt: 1 }),
      orderCancelling({ orderId: 11, attempt: 2 }),
      orderCancelling({ orderId: 10, attempt: 3 }),
    );
    expect(await fences()).toMatchObject([
      { orderId: 10, status: 'undone', attempt: 3 },
      { orderId: 11, status: 'undone', attempt: 2 },
    ]);
  });

  it('loses the race to a tombstone that is not committed yet, and then leaves the coupon alone', async () => {
    const other = await pool.connect();
    await other.query(`BEGIN; INSERT INTO coupon_applications (order_id, status) VALUES (10, 'undone')`);
    const event = stockReserved({ orderId: 10, userId: 1, couponId: first });
    const lost = expect(apply(event)).rejects.toMatchObject({
      code: '23505',
      constraint: applyCoupons.fences[0],
    });
    await someoneWaits();
    await other.query('COMMIT');
    other.release();
    await lost;
    expect(await apply(event)).toMatchObject({ facts: 0 });
    expect(await usedCoupons()).toEqual([]);
  });

  it('reaches every row through an index, on empty tables too', async () => {
    const events = [stockReserved({ orderId: 10, userId: 1, couponId: first })];
    const texts = [
      ...(await statementsOf(pool, (watched) => applyTo(watched, ...events))),
      ...(await statementsOf(pool, (watched) => restoreTo(watched, orderCancelling({ orderId: 10 })))),
    ].filter((text) => /^(SELECT|INSERT|UPDATE)/.test(text));
    expect(texts).toHaveLength(2 + 2 + 1 + 2 + 3 + 1);
    for (const text of texts) {
      const { rows } = await pool.query<Record<string, string>>(`EXPLAIN (GENERIC_PLAN) ${text}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
    }
  });
});
