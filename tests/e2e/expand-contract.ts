import { describe, expect, it } from '@jest/globals';
import { SERVICE_NAMES, type ServiceName } from '@orderflow/local/ports';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { lastLetters, lettersSince } from './dead-letters.ts';
import { expectExactBooks } from './exactness.ts';
import { adminOf, newUser } from './people.ts';
import { errorsSince, markLogs } from './service-logs.ts';
import { outcomesOf, sendTraffic } from './traffic.ts';

const ORDERS = 24;
/** A statement fails on a connection that has it from before, and a pool gives any of its ten: rare ones need a few. */
const ROUNDS = 3;
/** Far below the 1.5 s after which a service's statement gives up: what queues behind the ALTER waits no longer. */
const LOCK_TIMEOUT = '250ms';
const COLUMN = 'of_the_next_release';

interface Table {
  readonly service: ServiceName;
  readonly name: string;
}

async function tablesOf(stack: RunningStack, service: ServiceName): Promise<Table[]> {
  const rows = await stack.sql<{ name: string }>(
    service,
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  return rows.map(({ name }) => ({ service, name }));
}

/** As a migration under traffic is to do it: it gives up soon, and tries again. */
async function alter(stack: RunningStack, { service, name }: Table, change: string): Promise<void> {
  const statements = `SET lock_timeout = '${LOCK_TIMEOUT}'; ALTER TABLE "${name}" ${change}`;
  await waitUntil(() => stack.sql(service, statements).then(() => true), {
    what: `${change} of ${service}.${name}`,
    timeoutMs: 20_000,
    intervalMs: 50,
  });
}

/** One table of a service after the other, each in a transaction of its own. */
async function alterAll(stack: RunningStack, tables: readonly Table[], change: string): Promise<void> {
  const oneByOne = async (service: ServiceName) => {
    for (const table of tables.filter((one) => one.service === service)) await alter(stack, table, change);
  };
  await Promise.all(SERVICE_NAMES.map(oneByOne));
}

/** Orders of every kind. */
async function expectOutcomes(stack: RunningStack): Promise<void> {
  const traffic = await sendTraffic(stack, ORDERS);
  expect(outcomesOf(traffic)).toEqual(traffic.expected);
}

/** Orders of every kind, and what users and operators look at, a few times. */
async function useEverything(stack: RunningStack): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await useOnce(stack);
}

async function useOnce(stack: RunningStack): Promise<void> {
  await expectOutcomes(stack);
  const [user, operator] = [await newUser(stack, '1.00'), adminOf(stack)];
  await Promise.all([
    user.get('/v1/balance'),
    user.get('/v1/coupons'),
    user.get('/v1/orders'),
    user.get('/v1/payments'),
    user.get('/v1/products'),
    operator.get('/v1/ops/dead-letters'),
    operator.get('/v1/ops/lag'),
    operator.get('/v1/ops/orders/stuck'),
    operator.get('/v1/ops/outbox'),
    operator.get('/v1/ops/reconciliation'),
    operator.get('/v1/ops/saga'),
  ]);
}

/** A migration adds what the next release needs and takes nothing away: both releases live with it. */
export function describeExpandContract(stack: () => RunningStack): void {
  describe('a column more in every table of every service, and one less again, under orders', () => {
    it('are noticed by no statement of a release that does not know it', async () => {
      const tables = (await Promise.all(SERVICE_NAMES.map((name) => tablesOf(stack(), name)))).flat();
      expect(new Set(tables.map(({ service }) => service)).size).toBe(SERVICE_NAMES.length);
      const [letters, logs] = [await lastLetters(stack()), markLogs(stack())];
      // From here on the connections have their statements prepared, with the columns of before.
      await useEverything(stack());
      try {
        for (const change of [`ADD COLUMN ${COLUMN} text`, `DROP COLUMN ${COLUMN}`]) {
          await Promise.all([expectOutcomes(stack()), alterAll(stack(), tables, change)]);
          await useEverything(stack());
        }
      } finally {
        await alterAll(stack(), tables, `DROP COLUMN IF EXISTS ${COLUMN}`);
      }
      expect(errorsSince(logs)).toEqual([]);
      expect(await lettersSince(stack(), letters)).toEqual([]);
      await expectExactBooks(stack());
    }, 120_000);
  });
}
