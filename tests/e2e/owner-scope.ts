import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { localToken } from '@orderflow/client/local-token';
import type { Caller } from '@orderflow/local/demo/caller';
import { inParallel } from '@orderflow/local/demo/parallel';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { choicesOf, runSeed } from '@orderflow/testing/seed';
import { readOperations } from '../bad-input/api-document.ts';
import { UNKNOWN_ID } from '../bad-input/write-routes.ts';
import { BareClient } from './bare-http.ts';
import { doorsTo } from './doors.ts';
import { digestTables, expectExactBooks } from './exactness.ts';
import {
  anyAttempt,
  everyAttempt,
  faultIn,
  isAskable,
  ROLES,
  SCOPES,
  type Attempt,
  type Owner,
  type Pair,
  type Role,
} from './owner-scope-cases.ts';
import { buy, cancel, ending, newCoupon, newProduct, newUser, place } from './people.ts';

const STEPS = 1_500;
const CONNECTIONS = 16;
const SEED = runSeed();
/** A list of failures longer than this says nothing more. */
const SHOWN = 25;

const ASKABLE = readOperations().filter(isAskable);

/** A user with orders that are paid, refunded and refused, coupons used and unused, payments and records. */
async function ownOneOfEverything(stack: RunningStack): Promise<Caller> {
  const [user, product] = await Promise.all([newUser(stack, '100.00'), newProduct(stack)]);
  const [used] = await Promise.all([newCoupon(stack, user), newCoupon(stack, user)]);
  const orders = [
    await place(user, { ...buy(product), couponId: used.id }),
    await place(user, buy(product, 2)),
    await place(user, buy({ ...product, id: UNKNOWN_ID })),
  ];
  const [, refunded] = await Promise.all(orders.map((order) => ending(user, order)));
  await cancel(user, refunded!);
  await ending(user, refunded!);
  return user;
}

/** All that is the user's, as the API tells it. */
async function everythingOf(user: Caller) {
  const page = { params: { query: { limit: 100 } } };
  const [orders, coupons, payments, records, self, balance] = await Promise.all([
    user.get('/v1/orders', page),
    user.get('/v1/coupons', page),
    user.get('/v1/payments', page),
    user.get('/v1/balance/records', page),
    user.get('/v1/users/{id}', { params: { path: { id: user.userId } } }),
    user.get('/v1/balance'),
  ]);
  const rows = { orders: orders.data, coupons: coupons.data, payments: payments.data, records: records.data };
  return { rows, self, balance };
}

async function ownerFrom(user: Caller): Promise<Owner> {
  const { rows } = await everythingOf(user);
  const ids = (of: readonly { readonly id: number }[]) => of.map(({ id }) => id);
  return {
    userId: user.userId,
    ids: {
      users: [user.userId],
      orders: ids(rows.orders),
      coupons: ids(rows.coupons),
      payments: ids(rows.payments),
      records: ids(rows.records),
    },
  };
}

/** One user's rows from another's hands: every route of the document, every filter, whatever the request claims. */
export function describeOwnerScope(stack: () => RunningStack): void {
  describe('what is another user’s', () => {
    const client = new BareClient(CONNECTIONS);
    const tokens = new Map<Role, string>();
    let owner: Caller;
    let pair: Pair;
    let before: { readonly told: unknown; readonly tables: Record<string, string> };

    beforeAll(async () => {
      const [asker, other] = await Promise.all([ownOneOfEverything(stack()), ownOneOfEverything(stack())]);
      owner = other;
      const { gateway } = stack().current();
      for (const role of ROLES) {
        tokens.set(role, await localToken(gateway, asker.userId, role === 'user' ? [] : [role])());
      }
      await expectExactBooks(stack());
      pair = { asker: await ownerFrom(asker), other: await ownerFrom(other) };
      before = { told: await everythingOf(owner), tables: await digestTables(stack()) };
    }, 60_000);

    afterAll(() => client.close());

    const doors = (path: string) => doorsTo(path, stack());

    /** What a 404 tells, by route and door: the same for what is somebody's and for what was never there. */
    const refusals = new Map<string, Set<string>>();

    async function faultOf(attempt: Attempt): Promise<string | null> {
      const { operation, door, as, method, path, headers, id, status } = attempt;
      const authorization = `Bearer ${tokens.get(as)}`;
      const request = { method, path, headers: { ...headers, authorization }, body: null };
      const answer = await client.send(door[1], request);
      const fault = faultIn(attempt, answer, pair);
      if (status === 404 && answer.body !== '') {
        const { detail, title } = JSON.parse(answer.body) as { detail: string; title: string };
        const place = `${operation.name} at ${door[0]}`;
        const told = refusals.get(place) ?? new Set();
        refusals.set(place, told.add(`${title}: ${detail.replaceAll(String(id), '{id}')}`));
      }
      return fault && `${method} ${path} at ${door[0]} as ${as} ${JSON.stringify(headers)}: ${fault}`;
    }

    async function expectNoFaults(attempts: readonly Attempt[]): Promise<void> {
      const faults = await inParallel(CONNECTIONS, attempts, faultOf);
      const wrong = faults.filter((fault) => fault !== null);
      expect({ count: wrong.length, wrong: wrong.slice(0, SHOWN) }).toEqual({ count: 0, wrong: [] });
    }

    it('is a question for every route that takes any token, and each is under test', () => {
      const open = readOperations().filter(({ caller }) => caller === 'user');
      expect(Object.keys(SCOPES).sort()).toEqual(open.map(({ name }) => name).sort());
      for (const { ids } of [pair.asker, pair.other]) {
        const counts = Object.fromEntries(Object.entries(ids).map(([rows, { length }]) => [rows, length]));
        expect(counts).toEqual({ users: 1, orders: 3, coupons: 2, payments: 3, records: 4 });
      }
    });

    it('is answered as what is not there, at the gateway and at the services; roles see what they may', async () => {
      const attempts = everyAttempt(ASKABLE, doors, pair);
      expect(attempts.length).toBeGreaterThan(200);
      await expectNoFaults(attempts);
      const telling = [...refusals].filter(([, told]) => told.size !== 1);
      expect(telling.map(([place, told]) => [place, ...told])).toEqual([]);
    }, 60_000);

    it(`stays so for ${STEPS} random questions (ORDERFLOW_SEED=${SEED})`, async () => {
      const choices = choicesOf(SEED);
      await expectNoFaults(Array.from({ length: STEPS }, () => anyAttempt(choices, ASKABLE, doors, pair)));
    }, 60_000);

    it('is as it was after all of them, and so is every row of every table', async () => {
      expect(await everythingOf(owner)).toEqual(before.told);
      await expectExactBooks(stack());
      expect(await digestTables(stack())).toEqual(before.tables);
    }, 60_000);
  });
}
