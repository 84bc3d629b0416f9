import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { redisUrl } from '@orderflow/testing/backends';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { orderCreated, toDeliveries } from '@orderflow/testing/events';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { reserveStock } from '../steps/reserve-stock.ts';
import { openCatalogue, type Catalogue } from './catalogue-app.test.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
const LAMP = { name: 'Lamp', description: '', price: '12.50', quantity: 7 };

interface Listed {
  readonly id: number;
  readonly name: string;
  readonly price: string;
  readonly stock: number;
}

describe('the catalogue of two instances that share a cache', () => {
  let database: TestDatabase;
  let way: TcpProxy;
  let cacheName: string;
  let here: Catalogue;
  let there: Catalogue;
  let lamp: number;

  beforeEach(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    const { hostname, port } = new URL(await redisUrl());
    way = await createTcpProxy({ host: hostname, port: Number(port) });
    cacheName = ownName('cache');
    here = await open();
    there = await open();
    lamp = ((await here.create(LAMP)).body as Listed).id;
    await here.pool.query('INSERT INTO product_daily_sales (product_id, date, quantity) VALUES ($1, $2, 3)', [
      lamp,
      new Date().toISOString().slice(0, 10),
    ]);
  });
  afterEach(async () => {
    await Promise.all([here.close(), there.close()]);
    await way.close();
    await database.drop();
  });

  const open = (options: { ttlMs?: number; redisTimeoutMs?: number } = {}) =>
    openCatalogue({
      databaseUrl: database.url,
      redisUrl: `redis://127.0.0.1:${way.port}`,
      cacheName,
      ...options,
    });
  const dataOf = async (shop: Catalogue, path: string) =>
    ((await shop.get(path)).body as { data: Listed[] }).data;
  const listed = async (shop: Catalogue) =>
    (await dataOf(shop, '/v1/products')).map(({ name, price, stock }) => `${name} ${price} ${stock}`);
  const popular = async (shop: Catalogue) =>
    (await dataOf(shop, '/v1/products/popular')).map(({ name, price }) => `${name} ${price}`);
  const lists = async (shop: Catalogue) => [await listed(shop), await popular(shop)];
  const reads = () => here.queries.length + there.queries.length;
  const order = (productId: number) =>
    deliver(
      { step: reserveStock, pool: here.pool, outbox: messageOutbox },
      toDeliveries([
        orderCreated({
          orderId: 1,
          items: [{ productId, quantity: 2, expectedUnitPrice: null, unitPrice: null, totalPrice: null }],
        }),
      ]),
    );

  it.each(['/v1/products', '/v1/products/popular', '/v1/products?limit=1'])(
    'asks Postgres once when 200 read %s at the same time, or once an instance when that is slow',
    async (path) => {
      // The first query of a client takes long.
      for (const shop of [here, there]) {
        await shop.cache.invalidate();
        await shop.get(path);
      }
      const aRead = there.queries.length;
      here.queries.length = there.queries.length = 0;
      await here.cache.invalidate();
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => (index % 2 ? here : there).get(path)),
      );
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      // A read that takes longer than its lease of 500 ms is not waited for by the other instance.
      expect([aRead, 2 * aRead]).toContain(reads());
    },
  );

  it('shows a new product, a change, an adjustment and a suspension in both at once', async () => {
    const both = async () => {
      const [one, other] = [await lists(here), await lists(there)];
      expect(other).toEqual(one);
      return one;
    };
    expect(await both()).toEqual([['Lamp 12.50 7'], ['Lamp 12.50']]);
    await there.change(lamp, { name: 'Light', price: '13' });
    expect(await both()).toEqual([['Light 13.00 7'], ['Light 13.00']]);
    await here.adjust(lamp, -3, 'key');
    expect(await both()).toEqual([['Light 13.00 4'], ['Light 13.00']]);
    await there.create({ ...LAMP, name: 'Chair' });
    expect(await both()).toEqual([['Light 13.00 4', 'Chair 12.50 7'], ['Light 13.00']]);
    await here.change(lamp, { status: 'SUSPENDED' });
    expect(await both()).toEqual([['Chair 12.50 7'], []]);
    const before = reads();
    await both();
    expect(reads()).toBe(before);
  });

  it('shows what orders take at once in a product, and in the list within the age of a page', async () => {
    const brief = await open({ ttlMs: 300 });
    await brief.cache.invalidate();
    expect(await listed(brief)).toEqual(['Lamp 12.50 7']);
    await order(lamp);
    expect((await brief.get(`/v1/products/${lamp}`)).body).toMatchObject({ stock: 5 });
    await waitUntil(async () => (await listed(brief)).join() === 'Lamp 12.50 5', { timeoutMs: 3_000 });
    await brief.close();
  });

  it('gives each page its own products, cached or not', async () => {
    for (const name of ['B', 'C', 'D', 'E']) await here.create({ ...LAMP, name });
    const pages = async (shop: Catalogue) => {
      const names: string[][] = [];
      for (let next: string | null = '/v1/products?limit=2'; next !== null;) {
        const { data, nextCursor } = (await shop.get(next)).body as {
          data: Listed[];
          nextCursor: string | null;
        };
        names.push(data.map(({ name }) => name));
        next = nextCursor === null ? null : `/v1/products?limit=2&cursor=${nextCursor}`;
      }
      return names;
    };
    const expected = [['Lamp', 'B'], ['C', 'D'], ['E']];
    expect(await pages(here)).toEqual(expected);
    const before = reads();
    expect(await pages(there)).toEqual(expected);
    expect(reads()).toBe(before);
    expect(await dataOf(there, '/v1/products?limit=3')).toHaveLength(3);
  });

  it('ranks for every limit from one read', async () => {
    await popular(here);
    const before = reads();
    for (const limit of [1, 2, 50, 100]) await there.get(`/v1/products/popular?limit=${limit}`);
    expect(reads()).toBe(before);
  });

  it('answers from Postgres when what Redis holds is damaged', async () => {
    const before = await lists(here);
    const keys = await waitUntil(async () => {
      const found = (await here.redis.client.keys(`cache:${cacheName}:*`)).filter((key) => /\d$/.test(key));
      return found.length === 2 ? found : undefined;
    });
    for (const key of keys) {
      const text = (await here.redis.client.get(key)) ?? '';
      await here.redis.client.set(key, text.replaceAll('"price":"12.50"', '"cost":1250'));
    }
    expect(await lists(there)).toEqual(before);
  });

  it('answers from Postgres while Redis is away, and with what was changed meanwhile when it is back', async () => {
    await lists(here);
    way.cut();
    await waitUntil(() => !here.redis.isUp() && !there.redis.isUp(), { what: 'Redis gone' });
    expect(await lists(there)).toEqual([['Lamp 12.50 7'], ['Lamp 12.50']]);
    await here.change(lamp, { price: '14' });
    expect(await lists(there)).toEqual([['Lamp 14.00 7'], ['Lamp 14.00']]);
    way.heal();
    await waitUntil(() => here.redis.isUp() && there.redis.isUp(), { what: 'Redis back' });
    expect(await lists(here)).toEqual([['Lamp 14.00 7'], ['Lamp 14.00']]);
    expect(await lists(there)).toEqual([['Lamp 14.00 7'], ['Lamp 14.00']]);
  });

  it('waits for a Redis that hangs once, not with every read', async () => {
    const shop = await open({ redisTimeoutMs: 250 });
    void shop.redis.client.call('BLPOP', ownName('nothing'), '8').catch(() => undefined);
    const startedAt = performance.now();
    for (let time = 0; time < 20; time += 1) expect(await listed(shop)).toEqual(['Lamp 12.50 7']);
    await shop.change(lamp, { price: '14' });
    expect(await lists(shop)).toEqual([['Lamp 14.00 7'], ['Lamp 14.00']]);
    expect(shop.redis.isUp()).toBe(false);
    // 23 waits of 250 ms would be more.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await shop.close();
  });
});
