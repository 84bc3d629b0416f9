import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { transaction } from '@orderflow/messaging/postgres';
import { paymentCompleted } from '@orderflow/testing/events';
import { openOrderService, type OrderService } from '../order-under-test.test.ts';
import { findOpenOrders } from '../store/deadline.ts';
import { deadlineSweeper } from './deadline.ts';

const MINUTE = 60_000;
const SETTINGS = { deadlineMs: MINUTE, maxAgeMs: 5 * MINUTE, sweepPerSecond: 200 };

interface Given {
  readonly id: number;
  readonly status?: string;
  /** Since it was created. */
  readonly ageMs: number;
}

describe('the deadline of orders', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  /** Columns that a status asks for are filled in. */
  const given = (...rows: readonly Given[]) =>
    orders.owner.query(
      `INSERT INTO orders (id, user_id, status, created_at, original_amount, discount_amount, total_amount, paid_at,
                           failure_reason, cancelling_at, compensate, pending)
       SELECT id, 1, status, now() - age * interval '1 ms', 10, 0, 10, CASE WHEN status = 'PAID' THEN now() END,
              CASE WHEN status LIKE 'CANCEL%' THEN 'CANCELLED_BY_USER' END,
              CASE WHEN status = 'CANCELLING' THEN now() END,
              CASE WHEN status = 'CANCELLING' THEN '{stock}'::text[] ELSE '{}' END,
              CASE WHEN status = 'CANCELLING' THEN '{stock}'::text[] ELSE '{}' END
         FROM unnest($1::bigint[], $2::text[], $3::float8[]) o (id, status, age)`,
      [
        rows.map(({ id }) => id),
        rows.map(({ status = 'CREATED' }) => status),
        rows.map(({ ageMs }) => ageMs),
      ],
    );
  const find = (from = 0, limit = SETTINGS.sweepPerSecond) =>
    transaction(orders.pool, (tx) => findOpenOrders(tx, { from, ...SETTINGS, limit }));
  const sweeper = (settings = SETTINGS) =>
    deadlineSweeper(orders.write, settings, orders.count, orders.changed);
  const cancelling = async () => {
    const { rows } = await orders.owner.query<{ id: number }>(
      `SELECT id FROM orders WHERE failure_reason = 'TIMED_OUT' ORDER BY id`,
    );
    return rows.map(({ id }) => id);
  };

  describe('finds late', () => {
    it('an order that is past it and was overtaken by one half a deadline younger', async () => {
      await given({ id: 1, ageMs: MINUTE + 100 }, { id: 2, ageMs: MINUTE / 2, status: 'STOCK_RESERVED' });
      expect((await find()).late).toEqual([1]);
    });

    it.each(['STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED'])(
      'an order at %s only when the other has come further',
      async (status) => {
        await given({ id: 1, ageMs: 2 * MINUTE, status }, { id: 2, ageMs: MINUTE, status });
        expect((await find()).late).toEqual([]);
        await given({ id: 3, ageMs: MINUTE, status: 'PAID' });
        expect((await find()).late).toEqual([1]);
      },
    );

    it('nobody who is not past it, whoever overtook', async () => {
      await given({ id: 1, ageMs: MINUTE - 1_000 }, { id: 2, ageMs: 0, status: 'PAID' });
      expect((await find()).late).toEqual([]);
    });

    it('nobody overtaken by a neighbour only: less than half a deadline younger', async () => {
      await given({ id: 1, ageMs: 2 * MINUTE }, { id: 2, ageMs: 1.5 * MINUTE + 1_000, status: 'PAID' });
      expect((await find()).late).toEqual([]);
    });

    it('nobody in a backlog, where nobody overtakes: the older are never behind', async () => {
      await given(
        { id: 1, ageMs: 4.5 * MINUTE, status: 'PAID' },
        { id: 2, ageMs: 4 * MINUTE, status: 'BALANCE_CHARGED' },
        { id: 3, ageMs: 3 * MINUTE, status: 'STOCK_RESERVED' },
        { id: 4, ageMs: 2 * MINUTE },
        { id: 5, ageMs: MINUTE },
        { id: 6, ageMs: 0 },
      );
      expect(await find()).toMatchObject({ late: [], open: 5 });
    });

    it('nobody overtaken only by an order that is being cancelled, or is', async () => {
      await given(
        { id: 1, ageMs: 4 * MINUTE },
        { id: 2, ageMs: 0, status: 'CANCELLING' },
        { id: 3, ageMs: 0, status: 'CANCELLED' },
      );
      expect((await find()).late).toEqual([]);
    });

    it('any open order past the hard age, and none that is not open', async () => {
      const old = { ageMs: 5 * MINUTE + 100 };
      await given(
        { id: 1, ...old, status: 'PAID' },
        { id: 2, ...old, status: 'CANCELLING' },
        { id: 3, ...old, status: 'CANCELLED' },
        { id: 4, ...old, status: 'BALANCE_CHARGED' },
        { id: 5, ...old },
        { id: 6, ageMs: 5 * MINUTE - 1_000 },
      );
      expect(await find()).toMatchObject({ late: [4, 5], open: 3 });
    });
  });

  describe('looks', () => {
    it('from the oldest open order on next time, and from nowhere later than that', async () => {
      await given(
        { id: 10, ageMs: 4 * MINUTE, status: 'PAID' },
        { id: 20, ageMs: 3 * MINUTE, status: 'BALANCE_CHARGED' },
        { id: 30, ageMs: 2 * MINUTE, status: 'PAID' },
        { id: 40, ageMs: 2 * MINUTE },
      );
      expect(await find()).toMatchObject({ from: 20, open: 2 });
      expect(await find(20)).toMatchObject({ from: 20, open: 2 });
      await orders.owner.query(
        `UPDATE orders SET status = 'CANCELLED', failure_reason = 'OTHER' WHERE id = 20`,
      );
      expect(await find(20)).toMatchObject({ from: 40, open: 1 });
    });

    it('never past an order that commits late: a minute of ids is looked at again', async () => {
      await given(
        { id: 10, ageMs: 2 * MINUTE, status: 'PAID' },
        { id: 20, ageMs: 30_000, status: 'PAID' },
        { id: 40, ageMs: 20_000 },
      );
      const first = await find();
      expect(first).toMatchObject({ from: 10, open: 1 });
      // Its id was taken before 40's; its commit came after.
      await given({ id: 30, ageMs: 25_000 });
      expect(await find(first.from)).toMatchObject({ open: 2 });
    });

    it('from where it was when there is nothing', async () => {
      expect(await find(7)).toEqual({ open: 0, from: 7, late: [] });
      await given({ id: 10, ageMs: 2 * MINUTE, status: 'PAID' });
      expect(await find(7)).toEqual({ open: 0, from: 10, late: [] });
    });
  });

  describe('sweeps', () => {
    const late = (ids: readonly number[]) => given(...ids.map((id) => ({ id, ageMs: 6 * MINUTE })));

    it('by undoing everywhere, and tells how many are open', async () => {
      const id = await orders.placed();
      await orders.owner.query(`UPDATE orders SET created_at = now() - interval '6 minutes'`);
      orders.handed.length = 0;
      const { sweep } = sweeper();
      await sweep();
      expect(orders.count.open).toBe(1);
      const [message] = orders.handed.flatMap(({ messages }) => messages);
      expect(message).toMatchObject({ topic: 'order-cancelling', key: String(id) });
      expect(JSON.parse(message!.value)).toMatchObject({
        reason: 'TIMED_OUT',
        compensate: ['stock', 'coupon', 'balance', 'payment'],
        attempt: 0,
        paidAt: null,
      });
      await sweep();
      expect(orders.count.open).toBe(0);
      expect(orders.handed).toHaveLength(1);
      expect((await orders.timeline(id)).map(({ type }) => type)).toEqual([
        'ORDER_CREATED',
        'ORDER_CANCELLING',
      ]);
    });

    it('the oldest first, no more than its rate', async () => {
      await late([5, 1, 4, 2, 3]);
      const { sweep } = sweeper({ ...SETTINGS, sweepPerSecond: 2 });
      await sweep();
      expect(await cancelling()).toEqual([1, 2]);
      await sweep();
      expect(await cancelling()).toEqual([1, 2, 3, 4]);
      expect(orders.count.open).toBe(3);
    });

    it('around an order that someone else has locked, which has its turn later', async () => {
      await late([1, 2]);
      const { sweep } = sweeper();
      const holder = await orders.owner.connect();
      try {
        await holder.query('BEGIN; SELECT 1 FROM orders WHERE id = 1 FOR NO KEY UPDATE');
        await sweep();
        expect(await cancelling()).toEqual([2]);
      } finally {
        await holder.query('COMMIT');
        holder.release();
      }
      await sweep();
      expect(await cancelling()).toEqual([1, 2]);
    });

    it('not over a payment that came between looking and locking', async () => {
      const id = await orders.placed();
      await orders.owner.query(`UPDATE orders SET created_at = now() - interval '6 minutes'`);
      let looked = 0;
      // The sweeper's second transaction is the one that writes.
      const pool = {
        async connect() {
          looked += 1;
          if (looked === 2) await orders.advance(paymentCompleted({ orderId: id }));
          return orders.pool.connect();
        },
      };
      await deadlineSweeper({ ...orders.write, pool }, SETTINGS, orders.count, orders.changed).sweep();
      expect(looked).toBe(2);
      expect((await orders.timeline(id)).at(-1)).toMatchObject({ type: 'ORDER_PAID' });
      expect(await cancelling()).toEqual([]);
    });
  });
});
