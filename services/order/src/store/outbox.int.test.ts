import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { transaction, type Tx } from '@orderflow/messaging/postgres';
import type { OutboxRow } from '@orderflow/messaging/outbox';
import {
  balanceRefunded,
  couponRestored,
  paymentCompleted,
  paymentRefunded,
  stockRejected,
  stockReleased,
  stockReserved,
} from '@orderflow/testing/events';
import { openOrderService, type OrderService } from '../order-under-test.test.ts';
import { orderOutbox } from './outbox.ts';

const ANN = 1;
const LIMIT = 100;

describe('the outbox of the order service', () => {
  let orders: OrderService;

  beforeAll(async () => {
    orders = await openOrderService();
  });
  afterAll(() => orders.close());
  beforeEach(() => orders.clear());

  const inTx = <Result>(work: (tx: Tx) => Promise<Result>) => transaction(orders.pool, work);
  const claim = (held: readonly number[] = [], limit = LIMIT) =>
    inTx((tx) => orderOutbox.claim(tx, held, limit));
  const age = (ids?: readonly number[]) =>
    orders.owner.query(
      `UPDATE outbox SET created_at = now() - interval '2 seconds' WHERE $1::bigint[] IS NULL OR id = ANY ($1)`,
      [ids ?? null],
    );
  const idsOf = (rows: readonly OutboxRow[]) => rows.map(({ id }) => id);
  const pointers = async () =>
    (
      await orders.owner.query<{ id: number; events: string[] }>(
        `SELECT o.id, array_agg(e.order_id || ' ' || e.type || ' ' || e.attempt ORDER BY e.id) AS events
           FROM outbox o JOIN order_events e ON e.id = ANY (o.event_ids) GROUP BY o.id ORDER BY o.id`,
      )
    ).rows;

  it('points to what this commit publishes, and to nothing else of the same orders', async () => {
    const one = await orders.placed();
    const two = await orders.placed();
    await orders.owner.query('DELETE FROM outbox');
    const { row } = await orders.advance(
      // Lines of the timeline only, then what is published.
      stockReserved({ orderId: one }),
      paymentCompleted({ orderId: one }),
      stockRejected({ orderId: two }),
    );
    expect(await pointers()).toEqual([
      { id: row!.id, events: [`${one} ORDER_PAID 0`, `${two} ORDER_CANCELLED 0`] },
    ]);
    expect(await orders.advance(stockReserved({ orderId: one }))).toMatchObject({ facts: 0, row: undefined });
    expect(await pointers()).toHaveLength(1);
  });

  it('has no row for a commit that publishes nothing', async () => {
    const id = await orders.placed();
    await orders.owner.query('DELETE FROM outbox');
    expect((await orders.advance(stockReserved({ orderId: id }))).row).toBeUndefined();
    expect(await pointers()).toEqual([]);
    expect((await orders.timeline(id)).at(-1)).toMatchObject({ type: 'STOCK_RESERVED', topic: null });
  });

  it('refuses a message that is no event of this commit', async () => {
    await orders.placed();
    const [message] = orders.handed[0]!.messages;
    const headers = { ...message!.headers, ce_id: 'order-cancelled/4711' };
    const stranger = { ...message!, topic: 'order-cancelled', headers };
    await expect(
      inTx((tx) => Promise.resolve(orderOutbox.append(tx, [message!, stranger]))),
    ).rejects.toMatchObject({ code: '23502', table: 'outbox', column: 'event_ids' });
    expect(await pointers()).toHaveLength(1);
  });

  it('makes of its rows the messages that were handed over in memory, byte for byte', async () => {
    const body = { items: [{ productId: 1, quantity: 1, unitPrice: '10' }], couponId: 3 };
    const traced = await orders
      .place(ANN, body)
      .set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    const { id } = traced.body as { id: number };
    const plain = await orders.placed();
    const rows = [...orders.handed];
    const remember = ({ row }: { row: OutboxRow | undefined }) => rows.push(row!);
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    remember(
      await orders.advance(
        { ...paymentCompleted({ orderId: id }), traceparent: trace },
        stockRejected({ orderId: plain }),
      ),
    );
    orders.handed.length = 0;
    await orders.cancel(id, ANN);
    await orders.nudge(id);
    rows.push(...orders.handed);
    const answers = [stockReleased, couponRestored, balanceRefunded, paymentRefunded];
    remember(await orders.advance(...answers.map((answer) => answer({ orderId: id, attempt: 1 }))));

    await age();
    const claimed = await claim();
    expect(claimed).toEqual(rows);
    expect(claimed.flatMap(({ messages }) => messages.map(({ headers }) => headers['ce_id']))).toEqual([
      `order-created/${id}`,
      `order-created/${plain}`,
      `order-paid/${id}`,
      `order-cancelled/${plain}`,
      `order-cancelling/${id}`,
      `order-cancelling/${id}/1`,
      `order-cancelled/${id}`,
    ]);
  });

  it('gives out rows older than a second, lowest id first, those already held left out', async () => {
    for (let n = 0; n < 4; n += 1) await orders.placed();
    const [a, b, c, d] = idsOf(orders.handed) as [number, number, number, number];
    await orders.owner.query(`UPDATE outbox SET created_at = now() + interval '1 minute'`);
    expect(await claim()).toEqual([]);
    await age([a, c, d]);
    expect(idsOf(await claim())).toEqual([a, c, d]);
    expect(idsOf(await claim([c]))).toEqual([a, d]);
    expect(idsOf(await claim([a], 1))).toEqual([c]);
    await age([b]);
    expect(idsOf(await claim())).toEqual([a, b, c, d]);
  });

  it('gives a row to one relay at a time', async () => {
    for (let n = 0; n < 3; n += 1) await orders.placed();
    await age();
    const all = idsOf(orders.handed);
    await inTx(async (first) => {
      const mine = idsOf(await orderOutbox.claim(first, [], 2));
      expect(mine).toEqual(all.slice(0, 2));
      expect(idsOf(await claim())).toEqual(all.slice(2));
    });
    expect(idsOf(await claim())).toEqual(all);
  });

  it('deletes what is acknowledged, and keeps the history', async () => {
    const ids = [await orders.placed(), await orders.placed()];
    await age();
    const [first, second] = idsOf(orders.handed) as [number, number];
    await inTx((tx) => orderOutbox.remove(tx, [first]));
    expect(idsOf(await claim())).toEqual([second]);
    expect(await orders.timeline(ids[0]!)).toHaveLength(1);
  });
});
