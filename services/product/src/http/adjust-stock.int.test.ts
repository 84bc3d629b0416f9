import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { redisUrl } from '@orderflow/testing/backends';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCancelling, orderCreated, toDeliveries } from '@orderflow/testing/events';
import { ownName } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { STOCK_MAX } from '../domain/product.ts';
import { releaseStock } from '../steps/release-stock.ts';
import { reserveStock } from '../steps/reserve-stock.ts';
import { lockQuantities } from '../store/stocks.ts';
import { openCatalogue, type Catalogue } from './catalogue-app.test.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;

describe('POST /v1/products/{id}/stock-adjustments', () => {
  let database: TestDatabase;
  let shop: Catalogue;
  let lamp: number;
  let chair: number;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    shop = await openCatalogue({
      databaseUrl: database.url,
      redisUrl: await redisUrl(),
      cacheName: ownName('cache'),
    });
  });
  afterAll(async () => {
    await shop.close();
    await database.drop();
  });
  beforeEach(async () => {
    lamp = await load('Lamp', 7);
    chair = await load('Chair', 10);
  });

  async function load(name: string, quantity: number): Promise<number> {
    const { body } = await shop.create({ name, description: '', price: '1.00', quantity });
    return (body as { id: number }).id;
  }
  /** Keys are the caller's, and the caller is the same in all tests. */
  const key = (name: string) => `${name}-${lamp}`;
  const stockOf = async (id: number) =>
    ((await shop.get(`/v1/products/${id}`)).body as { stock: number }).stock;
  const ledgerOf = async (id: number) =>
    (
      await shop.pool.query<{ kind: string; delta: number }>(
        'SELECT kind, delta FROM stock_adjustments WHERE product_id = $1 ORDER BY id',
        [id],
      )
    ).rows.map(({ kind, delta }) => `${kind} ${delta}`);
  const refusal = (status: number, code: string) => ({ status, code });

  it('puts pieces in and takes them out, and the ledger has a row of each', async () => {
    const first = await shop.adjust(lamp, 5, key('in'));
    expect([first.status, first.body]).toEqual([201, { quantity: 12 }]);
    expect((await shop.adjust(lamp, -12, key('out'))).body).toEqual({ quantity: 0 });
    expect(await stockOf(lamp)).toBe(0);
    expect(await ledgerOf(lamp)).toEqual(['LOAD 7', 'ADJUSTMENT 5', 'ADJUSTMENT -12']);
  });

  it('is in a ledger that is append-only, for the service’s own role too', async () => {
    for (const statement of ['UPDATE stock_adjustments SET delta = 1', 'DELETE FROM stock_adjustments']) {
      await expect(shop.pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('happens once a key: the same request gets the first answer again, another one a 422', async () => {
    const first = await shop.adjust(lamp, 5, key('once'));
    const again = await shop.adjust(lamp, 5, key('once'));
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([
      201,
      first.text,
      'true',
    ]);
    const reused = refusal(422, 'IDEMPOTENCY_KEY_REUSED');
    expect((await shop.adjust(lamp, 6, key('once'))).body).toMatchObject(reused);
    expect((await shop.adjust(chair, 5, key('once'))).body).toMatchObject(reused);
    expect(await ledgerOf(lamp)).toEqual(['LOAD 7', 'ADJUSTMENT 5']);
    expect(await stockOf(chair)).toBe(10);
  });

  it('happens once when a key comes several times at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.adjust(lamp, -1, key('same'))));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set(['201 {"quantity":6}']),
    );
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await ledgerOf(lamp)).toEqual(['LOAD 7', 'ADJUSTMENT -1']);
  });

  it('is refused below zero and above the limit, and a refusal burns no key and leaves no row', async () => {
    expect((await shop.adjust(lamp, -8, key('a'))).body).toMatchObject(refusal(409, 'STOCK_NEGATIVE'));
    expect((await shop.adjust(lamp, -7, key('a'))).body).toEqual({ quantity: 0 });
    const full = STOCK_MAX - 10;
    expect((await shop.adjust(chair, full + 1, key('b'))).body).toMatchObject(
      refusal(409, 'STOCK_LIMIT_EXCEEDED'),
    );
    expect((await shop.adjust(chair, full, key('b'))).body).toEqual({ quantity: STOCK_MAX });
    expect(await ledgerOf(lamp)).toEqual(['LOAD 7', 'ADJUSTMENT -7']);
    expect(await ledgerOf(chair)).toEqual(['LOAD 10', `ADJUSTMENT ${full}`]);
  });

  it('knows products that are suspended and none that do not exist', async () => {
    await shop.change(lamp, { status: 'SUSPENDED' });
    expect((await shop.adjust(lamp, 1, key('suspended'))).body).toEqual({ quantity: 8 });
    for (const id of [lamp + 1_000_000, '9223372036854775807']) {
      expect((await shop.adjust(id, 1, key('gone'))).body).toMatchObject(refusal(404, 'PRODUCT_NOT_FOUND'));
    }
    expect((await shop.adjust(lamp, 1, key('gone'))).status).toBe(201);
  });

  it.each([0, -0, 1.5, '1', null, true, STOCK_MAX + 1, -STOCK_MAX - 1, [], {}, undefined])(
    'refuses the delta %p',
    async (delta) => {
      expect((await shop.adjust(lamp, delta, key('bad'))).body).toMatchObject({
        status: 400,
        code: 'VALIDATION_FAILED',
        errors: [{ path: '/delta' }],
      });
      expect(await ledgerOf(lamp)).toEqual(['LOAD 7']);
    },
  );

  it('is for admins, with a key', async () => {
    for (const role of ['operator', 'user']) {
      expect((await shop.adjust(lamp, 1, key('role'), role)).body).toMatchObject(refusal(403, 'FORBIDDEN'));
    }
    expect((await shop.adjust(lamp, 1, '')).body).toMatchObject(refusal(400, 'IDEMPOTENCY_KEY_REQUIRED'));
    expect(await stockOf(lamp)).toBe(7);
  });

  it('is exact in a crowd: each answer is the sum of the ledger up to one row of its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, place) =>
        shop.adjust(place % 2 ? lamp : chair, 1 + place, key(`c${place}`)),
      ),
    );
    const seen = answers.map(
      ({ body }, place) => `${place % 2 ? lamp : chair} ${(body as { quantity: number }).quantity}`,
    );
    const { rows } = await shop.pool.query<{ row: string }>(
      `SELECT product_id || ' ' || sum(delta) OVER (PARTITION BY product_id ORDER BY id) AS row, kind
         FROM stock_adjustments WHERE product_id = ANY ($1)`,
      [[lamp, chair]],
    );
    const steps = rows.map(({ row }) => row).filter((row) => row !== `${lamp} 7` && row !== `${chair} 10`);
    expect(seen.sort()).toEqual(steps.sort());
  });

  it('waits for an order that takes of the same stock, and sees what is left then', async () => {
    const order = await shop.pool.connect();
    try {
      await order.query('BEGIN');
      await order.query('UPDATE product_stocks SET quantity = quantity - 5 WHERE product_id = $1', [lamp]);
      const waiting = Promise.all([shop.adjust(lamp, 1, key('up')), shop.adjust(lamp, -7, key('down'))]);
      await waitUntil(() => database.someoneWaits(), { what: 'the lock' });
      await order.query('COMMIT');
      const [up, down] = await waiting;
      expect(up.body).toEqual({ quantity: 3 });
      expect(down.body).toMatchObject(refusal(409, 'STOCK_NEGATIVE'));
    } finally {
      order.release();
    }
  });

  it('locks by product, as orders do, so that nobody can wait in a circle', async () => {
    const order = await shop.pool.connect();
    try {
      await order.query('BEGIN');
      await order.query('SELECT FROM product_stocks WHERE product_id = $1 FOR UPDATE', [lamp]);
      const waiting = transaction(shop.pool, (tx) => lockQuantities(tx, [chair, lamp]));
      await waitUntil(() => database.someoneWaits(), { what: 'the lock' });
      await order.query('SELECT FROM product_stocks WHERE product_id = $1 FOR UPDATE NOWAIT', [chair]);
      await order.query('COMMIT');
      expect(await waiting).toEqual(
        new Map([
          [lamp, 7],
          [chair, 10],
        ]),
      );
    } finally {
      order.release();
    }
  });

  it('and orders that take and give back leave a stock that is exact', async () => {
    const items = [lamp, chair].map((productId) => ({
      productId,
      quantity: 1,
      expectedUnitPrice: null,
      unitPrice: null,
      totalPrice: null,
    }));
    const ids = Array.from({ length: 40 }, (_, index) => lamp * 1_000 + index);
    const step = { pool: shop.pool, outbox: messageOutbox };
    // Batches of five: fewer than the pool has connections, so that none has to wait for one.
    const batches = (of: readonly number[]) => [0, 5, 10, 15].map((start) => of.slice(start, start + 5));
    const reserve = (batch: readonly number[]) => {
      const events = batch.map((orderId) => orderCreated({ orderId, items }));
      return deliver({ ...step, step: reserveStock }, toDeliveries(events));
    };
    const release = (batch: readonly number[]) => {
      const events = batch.map((orderId) => orderCancelling({ orderId }));
      return deliver({ ...step, step: releaseStock }, toDeliveries(events));
    };
    await shop.adjust(lamp, 100, key('enough'));
    await shop.adjust(chair, 100, key('both'));
    await Promise.all(batches(ids.slice(0, 20)).map(reserve));
    const [answers] = await Promise.all([
      Promise.all(
        ids.map((id, index) => shop.adjust(index % 3 ? lamp : chair, index % 2 ? 3 : -1, key(`o${id}`))),
      ),
      ...batches(ids.slice(20)).map(reserve),
      ...batches(ids.slice(0, 20)).map(release),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    const { rows } = await shop.pool.query<{ quantity: number; expected: number; held: number }>(
      `WITH held AS (
         SELECT (item ->> 'productId')::bigint AS product_id, count(*) AS held
           FROM stock_reservations, jsonb_array_elements(items) item WHERE status = 'done' GROUP BY 1)
       SELECT s.quantity, (sum(a.delta) - held)::bigint AS expected, held
         FROM product_stocks s JOIN stock_adjustments a USING (product_id) JOIN held USING (product_id)
        WHERE s.product_id = ANY ($1) GROUP BY s.quantity, held`,
      [[lamp, chair]],
    );
    expect(rows.map(({ held }) => held)).toEqual([20, 20]);
    for (const { quantity, expected } of rows) expect(quantity).toBe(expected);
  });

  it('answers 503 while the database is away, and the same key works when it is back', async () => {
    await database.takeAway();
    const away = await shop.adjust(lamp, 1, key('away'));
    await database.bringBack();
    expect(away.body).toMatchObject(refusal(503, 'UNAVAILABLE'));
    expect(away.headers['retry-after']).toBeDefined();
    expect((await shop.adjust(lamp, 1, key('away'))).body).toEqual({ quantity: 8 });
  });
});
