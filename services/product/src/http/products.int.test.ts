import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import request from 'supertest';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Caller } from '@orderflow/service-runtime/auth';
import { createCache, type Cache } from '@orderflow/service-runtime/cache';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { createRedis, type RedisLink } from '@orderflow/service-runtime/redis';
import { redisUrl } from '@orderflow/testing/backends';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName } from '@orderflow/testing/topics';
import { PrismaClient } from '../generated/prisma/client.ts';
import { readProduct } from './read-product.ts';
import { listProducts } from './list-products.ts';
import { createProduct } from './create-product.ts';
import { updateProduct } from './update-product.ts';

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url).pathname;
const LAMP = { name: 'Lamp', description: 'It glows.', price: '12.5', quantity: 7 };

interface ProductJson {
  readonly id: number;
  readonly name: string;
}

describe('products over HTTP', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let pool: ReturnType<typeof createPool>;
  let reader: PrismaClient;
  let redis: RedisLink;
  let cache: Cache;
  let app: ReturnType<typeof createHttpApp>;

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    const url = new URL(database.url);
    proxy = await createTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    pool = createPool({ url: url.href, name: 'tests' });
    reader = new PrismaClient({ adapter: new PrismaPg({ connectionString: url.href, max: 2 }) });
    const write = { pool, outbox: messageOutbox, handOver: () => undefined };
    const logger = createLogger({ service: 'product', level: 'silent' });
    redis = createRedis(await redisUrl(), logger);
    redis.open();
    cache = createCache({ name: ownName('cache'), redis, count: () => undefined, ttlMs: 5_000 });
    app = createHttpApp({
      routes: [
        createProduct(write, cache),
        listProducts(reader, cache),
        readProduct(reader),
        updateProduct(write, cache),
      ],
      verifyToken: (authorization) =>
        Promise.resolve<Caller>({
          userId: 1,
          roles: new Set(authorization === 'Bearer admin' ? ['admin', 'operator'] : []),
          expiresAt: Infinity,
        }),
      logger,
      metrics: createMetrics('product'),
      checkAnswers: true,
    });
  });

  afterAll(async () => {
    redis.close();
    await reader.$disconnect();
    await pool.end();
    await proxy.close();
    await database.drop();
  });

  beforeEach(async () => {
    // The ledger is the owner's to empty: the service's own role may not.
    const owner = createPool({ url: database.ownerUrl, name: 'givens' });
    await owner.query(
      'TRUNCATE products, product_stocks, stock_adjustments, product_daily_sales RESTART IDENTITY',
    );
    await owner.end();
    await cache.invalidate();
  });

  const create = (body: object) =>
    request(app).post('/v1/products').set('Authorization', 'Bearer admin').send(body);
  const read = (path: string) => request(app).get(path);

  const change = (id: number, body: object, token = 'Bearer admin') =>
    request(app).patch(`/v1/products/${id}`).set('Authorization', token).send(body);

  it('changes what is given of a product, and nothing else', async () => {
    const before = (await create(LAMP)).body as object;
    const { status, body } = await change(1, { price: '13', status: 'SUSPENDED' });
    expect(status).toBe(200);
    const { updatedAt } = body as { updatedAt: string };
    expect(body).toEqual({ ...before, price: '13.00', status: 'SUSPENDED', updatedAt });
    expect((await read('/v1/products')).body).toMatchObject({ data: [] });
  });

  it.each([{}, { quantity: 1 }, { price: '0' }, { status: 'GONE' }, { name: ' ' }])(
    'refuses the change %j',
    async (body) => {
      await create(LAMP);
      expect((await change(1, body)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    },
  );

  it('changes a product for admins only, and only one that exists', async () => {
    expect((await change(1, { price: '1' }, 'Bearer user')).body).toMatchObject({ code: 'FORBIDDEN' });
    expect((await change(1, { price: '1' })).body).toMatchObject({ code: 'PRODUCT_NOT_FOUND' });
  });

  it('puts a product on sale with its stock, and the ledger has its LOAD row', async () => {
    const { status, body, headers } = await create({ ...LAMP, name: '  Lamp 💡 ' });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: 1,
      name: 'Lamp 💡',
      description: 'It glows.',
      price: '12.50',
      status: 'ON_SALE',
      stock: 7,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect(headers['location']).toBe('/v1/products/1');
    expect((await read('/v1/products/1')).body).toEqual(body);
    const { rows } = await pool.query('SELECT product_id, kind, delta FROM stock_adjustments');
    expect(rows).toEqual([{ product_id: 1, kind: 'LOAD', delta: 7 }]);
  });

  it('takes the limits themselves', async () => {
    const cheap = { name: 'x', description: '', price: '0.01', quantity: 0 };
    const dear = { name: '💡'.repeat(100), description: '', price: '9999999.99', quantity: 1_000_000_000 };
    expect((await create(cheap)).body).toMatchObject({ price: '0.01', stock: 0 });
    expect((await create(dear)).body).toMatchObject({ price: '9999999.99', stock: 1_000_000_000 });
  });

  it.each([
    ['/name', { name: '   ' }],
    ['/name', { name: 'x'.repeat(101) }],
    ['/description', { description: null }],
    ['/description', { description: undefined }],
    ['/price', { price: '0' }],
    ['/price', { price: '0.001' }],
    ['/price', { price: '10000000' }],
    ['/price', { price: 12.5 }],
    ['/price', { price: '1e3' }],
    ['/quantity', { quantity: -1 }],
    ['/quantity', { quantity: 1.5 }],
    ['/quantity', { quantity: '7' }],
    ['/quantity', { quantity: 1_000_000_001 }],
  ])('refuses a wrong %s: %j', async (path, part) => {
    const { status, body } = await create({ ...LAMP, ...part });
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ path }] });
    expect((await read('/v1/products')).body).toEqual({ data: [], nextCursor: null });
  });

  it('refuses what only the server sets', async () => {
    expect((await create({ ...LAMP, status: 'ON_SALE' })).body).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('lets admins put products on sale and nobody else', async () => {
    const { status, body } = await request(app)
      .post('/v1/products')
      .set('Authorization', 'Bearer user')
      .send(LAMP);
    expect([status, body]).toMatchObject([403, { code: 'FORBIDDEN' }]);
  });

  it('lists what is on sale page by page, by id; what is suspended can still be looked at', async () => {
    for (const name of ['A', 'B', 'C', 'D', 'E']) await create({ ...LAMP, name });
    await pool.query(`UPDATE products SET status = 'SUSPENDED' WHERE name = 'C'`);
    const first = await read('/v1/products?limit=2');
    expect(names(first.body)).toEqual(['A', 'B']);
    const { nextCursor } = first.body as { nextCursor: string };
    const second = await read(`/v1/products?limit=2&cursor=${nextCursor}`);
    expect(names(second.body)).toEqual(['D', 'E']);
    expect(second.body).toMatchObject({ nextCursor: null });
    expect((await read('/v1/products/3')).body).toMatchObject({ name: 'C', status: 'SUSPENDED' });
  });

  it('shows the stock that orders have left', async () => {
    await create(LAMP);
    await pool.query('UPDATE product_stocks SET quantity = 3, updated_at = now()');
    expect((await read('/v1/products/1')).body).toMatchObject({ stock: 3 });
    expect((await read('/v1/products')).body).toMatchObject({ data: [{ stock: 3 }] });
  });

  it.each(['1', '9007199254740993', '9223372036854775807'])(
    'answers 404 for product %s that is not there',
    async (id) => {
      const { status, body } = await read(`/v1/products/${id}`);
      expect([status, body]).toMatchObject([404, { code: 'PRODUCT_NOT_FOUND' }]);
    },
  );

  it.each([
    '/v1/products/0',
    '/v1/products/1e3',
    '/v1/products/9223372036854775808',
    '/v1/products?limit=101',
  ])('answers 400 to %s', async (path) => {
    expect((await read(path)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });

  it('shows times in UTC whatever zone the server is in', async () => {
    const { body } = await create(LAMP);
    const { rows } = await pool.query<{ createdAt: Date }>('SELECT created_at AS "createdAt" FROM products');
    expect(body).toMatchObject({ createdAt: rows[0]?.createdAt.toISOString() });
  });

  it('answers 503 with Retry-After while the database cannot be reached, and goes on after it', async () => {
    await create(LAMP);
    proxy.cut();
    for (const answer of [await create(LAMP), await read('/v1/products'), await read('/v1/products/1')]) {
      expect([answer.status, answer.body]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
      expect(answer.headers['retry-after']).toBeDefined();
    }
    proxy.heal();
    expect((await read('/v1/products/1')).status).toBe(200);
    expect((await create(LAMP)).status).toBe(201);
  });
});

function names(body: unknown): string[] {
  return (body as { data: ProductJson[] }).data.map(({ name }) => name);
}
