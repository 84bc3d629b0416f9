import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BatchRunner } from '@orderflow/messaging/batch-runner';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPoisonMeter } from '@orderflow/messaging/poison';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { stockReserved } from '@orderflow/testing/events';
import { checkOnPostgres, type PostgresPair } from '@orderflow/testing/postgres-schedules';
import type { SchedulePair, Tables } from '@orderflow/testing/schedules';
import { runSeed } from '@orderflow/testing/seed';
import { applyCoupons } from './apply-coupons.ts';
import { restoreCoupons } from './restore-coupons.ts';

const SCHEDULES = 300;
const TIMEOUT_MS = 240_000;

/** Coupons 1 and 2 of user 1. */
const SEED = `
INSERT INTO coupon_sources (id, name, discount_amount, quantity, initial_quantity) OVERRIDING SYSTEM VALUE
VALUES (1, 'Welcome', 3.00, 0, 1), (2, 'Spring', 5.00, 0, 1);
INSERT INTO coupons (id, user_id, coupon_source_id, name, discount_amount) OVERRIDING SYSTEM VALUE
VALUES (1, 1, 1, 'Welcome', 3.00), (2, 1, 2, 'Spring', 5.00);
`;

/** Three orders want coupon 1, one wants coupon 2; who came first has the higher coupon. */
const WANTED: Readonly<Record<number, number>> = { 1: 2, 2: 1, 3: 1, 4: 1 };

/** A consumer of the step, as the kit runs one. */
function consumerOf(step: Step): SchedulePair['forward'] {
  return (pool, notice) => {
    const quiet = () => undefined;
    const runner = new BatchRunner({
      step,
      pool,
      outbox: messageOutbox,
      handOver: quiet,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      metrics: {
        count(name, { kind }) {
          if (name === 'step_retries_total') notice(kind ?? '');
          if (name === 'dead_letters_total') notice('parked');
        },
        observe: quiet,
      },
      poison: createPoisonMeter(0),
      stopping: new AbortController().signal,
    });
    return (batch) => runner.run(batch, { heartbeat: () => Promise.resolve() });
  };
}

/** A coupon is used when exactly one live order has it. */
function brokenCoupons(tables: Tables): string | null {
  for (const { id, used_at } of tables['coupons'] ?? []) {
    const holders = (tables['coupon_applications'] ?? []).filter(
      ({ coupon_id, status }) => coupon_id === id && status === 'done',
    );
    if (holders.length !== (used_at === null ? 0 : 1))
      return `coupon ${String(id)} is ${used_at === null ? 'unused' : 'used'} and ${holders.length} orders hold it`;
  }
  return null;
}

const seed = runSeed();

describe(`coupon.apply and coupon.restore on Postgres, in any order of their statements (ORDERFLOW_SEED=${seed})`, () => {
  let database: TestDatabase;
  let pair: PostgresPair;

  beforeAll(async () => {
    database = await createTestDatabase({
      name: 'coupon',
      migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
    });
    pair = {
      name: 'coupon.apply and coupon.restore',
      forward: consumerOf(applyCoupons),
      undo: consumerOf(restoreCoupons),
      event: (orderId) => stockReserved({ orderId, userId: 1, couponId: WANTED[orderId] ?? null }),
      fences: 'coupon_applications',
      answers: { done: 'coupon-applied', rejected: 'coupon-rejected', undone: 'coupon-restored' },
      broken: brokenCoupons,
      pool: createPool({ url: database.url, name: 'schedules' }),
      owner: createPool({ url: database.ownerUrl, name: 'schedules', max: 1 }),
      seed: SEED,
      tables: ['coupon_sources', 'coupons', 'coupon_applications', 'outbox', 'dead_letters'],
    };
  });

  afterAll(async () => {
    await Promise.all([pair.pool.end(), pair.owner.end()]);
    await database.drop();
  });

  it(
    'never give a coupon to two orders and answer each order once, through races, redeliveries and lost connections',
    async () => {
      const started = performance.now();
      const { schedules, waits, races, crashes } = await checkOnPostgres(pair, { seed, numRuns: SCHEDULES });
      process.stdout.write(
        `  ${schedules} schedules of coupon.apply and coupon.restore on Postgres in ` +
          `${((performance.now() - started) / 1000).toFixed(1)} s: ${waits} steps beside a waiting statement, ` +
          `${races} lost races, ${crashes} lost connections\n`,
      );
      expect(schedules).toBe(SCHEDULES);
      for (const count of [waits, races, crashes]) expect(count).toBeGreaterThan(SCHEDULES / 20);
    },
    TIMEOUT_MS,
  );
});
