import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { balanceCharged, orderCancelling, PAID_AT, toDeliveries } from '@orderflow/testing/events';
import { statementsOf, type ConnectionPool } from '@orderflow/testing/watched-pool';
import { payOrders } from './pay-orders.ts';
import { refundPayments } from './refund-payments.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('the steps of payment on Postgres', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let owner: ReturnType<typeof createPool>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'payment', migrations: MIGRATIONS });
    pool = createPool({ url: database.url, name: 'tests' });
    owner = createPool({ url: database.ownerUrl, name: 'tests', max: 1 });
  });

  afterAll(async () => {
    await Promise.all([pool.end(), owner.end()]);
    await database.drop();
  });

  beforeEach(async () => {
    await owner.query('DELETE FROM payments; DELETE FROM payment_attempts; DELETE FROM outbox');
  });

  const step = payOrders({ limit: 50_000n });
  const payTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step, pool: to, outbox: messageOutbox }, toDeliveries(events));
  const refundTo = (to: ConnectionPool, ...events: ReceivedEvent[]) =>
    deliver({ step: refundPayments, pool: to, outbox: messageOutbox }, toDeliveries(events));
  const pay = (...events: ReceivedEvent[]) => payTo(pool, ...events);
  const refund = (...events: ReceivedEvent[]) => refundTo(pool, ...events);

  const payments = async () =>
    (
      await pool.query(
        'SELECT order_id AS "orderId", user_id AS "userId", amount, kind FROM payments ORDER BY id',
      )
    ).rows;
  const attempts = async () =>
    (
      await pool.query(
        `SELECT order_id AS "orderId", status, attempt, user_id AS "userId", amount
           FROM payment_attempts ORDER BY order_id`,
      )
    ).rows;

  it('writes a payment for each total up to the limit, remembers every order and answers all', async () => {
    const { row } = await pay(
      balanceCharged({ orderId: 12, userId: 4, totalAmount: 50_000n }),
      balanceCharged({ orderId: 11, userId: 5, totalAmount: 50_001n }),
      balanceCharged({ orderId: 10, userId: 4, totalAmount: 0n }),
    );
    expect(await payments()).toEqual([
      { orderId: 10, userId: 4, amount: 0n, kind: 'PAYMENT' },
      { orderId: 12, userId: 4, amount: 50_000n, kind: 'PAYMENT' },
    ]);
    expect(await attempts()).toEqual([
      { orderId: 10, status: 'done', attempt: 0, userId: 4, amount: 0n },
      { orderId: 11, status: 'rejected', attempt: 0, userId: 5, amount: 50_001n },
      { orderId: 12, status: 'done', attempt: 0, userId: 4, amount: 50_000n },
    ]);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'payment-completed/12',
      'payment-rejected/11',
      'payment-completed/10',
    ]);
  });

  it('refunds what its own row says, with the sign turned, once', async () => {
    await pay(
      balanceCharged({ orderId: 10, userId: 4, totalAmount: 700n }),
      balanceCharged({ orderId: 11, totalAmount: 0n }),
    );
    const cancelling = [
      orderCancelling({ orderId: 10, userId: 9, totalAmount: 1n, paidAt: PAID_AT }),
      orderCancelling({ orderId: 11 }),
    ];
    await refund(...cancelling);
    expect(await refund(...cancelling)).toMatchObject({ facts: 0, row: undefined });
    expect(await payments()).toEqual([
      { orderId: 10, userId: 4, amount: 700n, kind: 'PAYMENT' },
      { orderId: 11, userId: 1, amount: 0n, kind: 'PAYMENT' },
      { orderId: 10, userId: 4, amount: -700n, kind: 'REFUND' },
      { orderId: 11, userId: 1, amount: 0n, kind: 'REFUND' },
    ]);
    expect(await attempts()).toMatchObject([{ status: 'undone' }, { status: 'undone' }]);
  });

  it('pays once, however often and however concurrently it is asked', async () => {
    const event = balanceCharged({ orderId: 10 });
    const runs = await Promise.allSettled([pay(event, event), pay(event), pay(event)]);
    expect(runs.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
    for (const run of runs) {
      if (run.status === 'rejected') {
        expect(run.reason).toMatchObject({ code: '23505', constraint: step.fences[0] });
      }
    }
    await pay(event);
    expect(await payments()).toHaveLength(1);
  });

  it('writes a tombstone and the nudge of the same batch as one row, and pays nothing after it', async () => {
    const { row } = await refund(
      orderCancelling({ orderId: 10 }),
      orderCancelling({ orderId: 10, attempt: 1 }),
    );
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'payment-refunded/10',
      'payment-refunded/10/1',
    ]);
    await pay(balanceCharged({ orderId: 10 }));
    expect(await attempts()).toEqual([
      { orderId: 10, status: 'undone', attempt: 1, userId: null, amount: null },
    ]);
    expect(await payments()).toEqual([]);
  });

  it('remembers the attempts of nudges to orders that were done, rejected or undone', async () => {
    await pay(
      balanceCharged({ orderId: 10, userId: 4, totalAmount: 700n }),
      balanceCharged({ orderId: 11, totalAmount: 50_001n }),
    );
    await refund(orderCancelling({ orderId: 10 }));
    const nudges = [
      orderCancelling({ orderId: 10, attempt: 1 }),
      orderCancelling({ orderId: 11, attempt: 2 }),
    ];
    const { row } = await refund(...nudges);
    expect(row?.messages.map(({ headers }) => headers['ce_id'])).toEqual([
      'payment-refunded/10/1',
      'payment-refunded/11/2',
    ]);
    expect(await refund(...nudges)).toMatchObject({ facts: 0, row: undefined });
    expect(await attempts()).toMatchObject([
      { orderId: 10, status: 'undone', attempt: 1 },
      { orderId: 11, status: 'undone', attempt: 2 },
    ]);
    expect(await payments()).toHaveLength(2);
  });

  it.each([
    ['payment', -1],
    ['refund', 1],
  ])('has a CHECK behind it that refuses a %s of %d', async (kind, amount) => {
    const text = 'INSERT INTO payments (user_id, order_id, amount, kind) VALUES (4, 10, $1, $2)';
    await expect(pool.query(text, [amount, kind.toUpperCase()])).rejects.toMatchObject({
      code: '23514',
      constraint: 'payments_amount_check',
    });
  });

  it('keeps the ledger append-only for its own role', async () => {
    await pay(balanceCharged({ orderId: 10 }));
    for (const statement of ['UPDATE payments SET amount = 1', 'DELETE FROM payments', 'TRUNCATE payments']) {
      await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('reaches every row through an index, on empty tables too', async () => {
    const texts = [
      ...(await statementsOf(pool, (watched) => payTo(watched, balanceCharged({ orderId: 10 })))),
      ...(await statementsOf(pool, (watched) => refundTo(watched, orderCancelling({ orderId: 10 })))),
    ].filter((text) => /^(SELECT|INSERT|UPDATE)/.test(text));
    expect(texts).toHaveLength(1 + 2 + 1 + 1 + 3 + 1);
    for (const text of texts) {
      const { rows } = await pool.query<Record<string, string>>(`EXPLAIN (GENERIC_PLAN) ${text}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
    }
  });
});
