import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { listen } from '@orderflow/service-runtime/listen';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { KEY_PROMISES, type KeyedRoute, type KeyedService } from '@orderflow/testing/one-key';
import { createTcpProxy } from '@orderflow/testing/tcp-proxy';
import { productConfig } from './config.ts';
import { composeProduct } from './service.ts';

const MIGRATIONS = new URL('../prisma/migrations', import.meta.url).pathname;
const PRODUCT = 7;

/** Every route that takes a key, by name. */
const ROUTES: readonly KeyedRoute[] = [
  {
    route: 'POST /v1/products/{id}/stock-adjustments',
    path: `/v1/products/${PRODUCT}/stock-adjustments`,
    caller: 1,
    body: { delta: 3 },
    otherBody: { delta: 4 },
    effects: 'SELECT count(*) AS effects FROM stock_adjustments',
  },
];

/** The service as it is composed, its door open. No Kafka and no Redis are there, and none is asked for. */
async function open(databaseUrl: string) {
  const env = {
    PORT: '0',
    INTERNAL_PORT: '0',
    LOG_LEVEL: 'silent',
    JWT_ISSUER: 'tests',
    JWT_AUDIENCE: 'tests',
    JWKS_URL: 'http://127.0.0.1:1',
    KAFKA_BROKERS: '127.0.0.1:1',
    REDIS_URL: 'redis://127.0.0.1:1',
  };
  const parts = composeProduct(productConfig({ ...env, DATABASE_URL: databaseUrl }), () => undefined);
  const app = createHttpApp({
    ...parts,
    // The header is the user id: who may have which token is tested where tokens are checked.
    verifyToken: (user) =>
      Promise.resolve({
        userId: Number(user),
        roles: new Set(['operator', 'admin'] as const),
        expiresAt: Number.POSITIVE_INFINITY,
      }),
  });
  const door = await listen(app, { host: '127.0.0.1', port: 0 });
  return {
    url: door.url,
    routes: parts.routes,
    async close() {
      await door.close();
      await Promise.all([parts.messaging.stop(), parts.close()]);
      parts.redis.close();
    },
  };
}

describe('one Idempotency-Key', () => {
  let database: TestDatabase;
  let service: KeyedService;
  let keyed: string[];
  const closings: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    database = await createTestDatabase({ name: 'product', migrations: MIGRATIONS });
    const direct = new URL(database.url);
    const proxy = await createTcpProxy({ host: direct.hostname, port: Number(direct.port) });
    const proxied = new URL(direct);
    proxied.host = `127.0.0.1:${proxy.port}`;
    const [one, two, behind] = await Promise.all([open(direct.href), open(direct.href), open(proxied.href)]);
    for (const { close } of [one, two, behind, proxy]) closings.push(close);
    service = { database, urls: [one.url, two.url], behind: { url: behind.url, proxy } };
    keyed = one.routes.filter(({ idempotent }) => idempotent).map(({ name }) => name);
    const owner = createPool({ url: database.ownerUrl, name: 'tests' });
    await owner.query(
      `INSERT INTO products (id, name, description, price, status) OVERRIDING SYSTEM VALUE
       VALUES (${PRODUCT}, 'Tea', '', 10, 'ON_SALE');
       INSERT INTO product_stocks (product_id, quantity) VALUES (${PRODUCT}, 0)`,
    );
    await owner.end();
  });
  afterAll(async () => {
    for (const close of closings) await close();
    await database.drop();
  });

  it('is asked for by the routes that are tested here, and no others', () => {
    expect(keyed).toEqual(ROUTES.map(({ route }) => route));
  });

  describe.each(ROUTES)('to $route', (route) => {
    it.each(Object.entries(KEY_PROMISES))('%s', (_promise, check) => check(service, route));
  });
});
