import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool } from '@orderflow/messaging/postgres';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { checkOnPostgres, type PostgresPair } from '@orderflow/testing/postgres-schedules';
import { runSeed } from '@orderflow/testing/seed';
import { reservationPair, SUPPLY } from './reservation-pair.test.ts';

const SCHEDULES = 350;
const TIMEOUT_MS = 240_000;

const stocks = Object.entries(SUPPLY);
const SEED = `
INSERT INTO products (id, name, description, price) OVERRIDING SYSTEM VALUE
VALUES ${stocks.map(([id]) => `(${id}, 'Lamp', '', 10)`).join(', ')};
INSERT INTO product_stocks (product_id, quantity)
VALUES ${stocks.map(([id, quantity]) => `(${id}, ${quantity})`).join(', ')};
`;

const seed = runSeed();

describe(`product.reserve and product.release on Postgres, in any order of their statements (ORDERFLOW_SEED=${seed})`, () => {
  let database: TestDatabase;
  let pair: PostgresPair;

  beforeAll(async () => {
    database = await createTestDatabase({
      name: 'product',
      migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    });
    pair = {
      ...reservationPair,
      pool: createPool({ url: database.url, name: 'schedules' }),
      owner: createPool({ url: database.ownerUrl, name: 'schedules', max: 1 }),
      seed: SEED,
      tables: ['products', 'product_stocks', 'stock_reservations', 'outbox', 'dead_letters'],
    };
  });

  afterAll(async () => {
    await Promise.all([pair.pool.end(), pair.owner.end()]);
    await database.drop();
  });

  it(
    'keep every reservation exact and answer each order once, through races, redeliveries and lost connections',
    async () => {
      const started = performance.now();
      const { schedules, waits, races, crashes } = await checkOnPostgres(pair, { seed, numRuns: SCHEDULES });
      process.stdout.write(
        `  ${schedules} schedules of product.reserve and product.release on Postgres in ` +
          `${((performance.now() - started) / 1000).toFixed(1)} s: ${waits} steps beside a waiting statement, ` +
          `${races} lost races, ${crashes} lost connections\n`,
      );
      expect(schedules).toBe(SCHEDULES);
      for (const count of [waits, races, crashes]) expect(count).toBeGreaterThan(SCHEDULES / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'need the unique key of the fence: without it some schedule breaks a promise',
    async () => {
      await pair.owner.query('ALTER TABLE stock_reservations DROP CONSTRAINT stock_reservations_pkey');
      await expect(checkOnPostgres(pair, { seed, numRuns: SCHEDULES })).rejects.toThrow(
        /pieces of product|has 2 rows|was sent twice/,
      );
    },
    TIMEOUT_MS,
  );
});
