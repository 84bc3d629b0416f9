import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LawSubject } from '@orderflow/testing/law-subject';
import { checkCrash, checkReplay, checkSplit, checkStatements } from '@orderflow/testing/laws';
import { describeStepLaws } from '@orderflow/testing/step-laws';
import fc from 'fast-check';
import { deliver } from './deliver.ts';
import { messageOutbox } from './outbox.ts';
import type { Tx } from './postgres.ts';
import type { Step } from './step.ts';
import {
  asks,
  decideToy,
  loadToy,
  openToyDatabase,
  saveToy,
  toyContracts,
  toyStep,
  withToy,
  type Ask,
  type ToyDatabase,
  type ToyStep,
} from './toy-step.test.ts';

const contracts = toyContracts();

/** Orders and users that meet again and again; user 3 does not exist, user 2 has little. */
const ask: fc.Arbitrary<Ask> = fc.record({
  orderId: fc.integer({ min: 1, max: 8 }),
  userId: fc.integer({ min: 1, max: 3 }),
  tokens: fc.integer({ min: 1, max: 3 }),
});

function subjectOf(step: Step, { pool, owner }: ToyDatabase): LawSubject {
  return {
    name: step.name,
    pool,
    owner,
    deliver: (watched, batch) => deliver({ step, pool: watched, outbox: messageOutbox }, batch),
    seed: () => owner.query('INSERT INTO toy_users VALUES (1, 1000), (2, 4)'),
    batches: fc.array(ask, { minLength: 1, maxLength: 20 }).map((list) => asks(contracts, list)),
    effective: (size) =>
      asks(
        contracts,
        Array.from({ length: size }, (_, index) => ({ orderId: index + 1 })),
      ),
  };
}

describeStepLaws('toy.take', async () => {
  const database = await openToyDatabase();
  return { subject: subjectOf(toyStep(), database), close: () => database.close() };
});

const FENCE = /^INSERT INTO toy_orders /;

/** Steps that break one law each, as a hurried author would. `database`: a way around the transaction. */
const LAW_BREAKERS: Record<'i' | 'ii' | 'iii' | 'iv', (database: ToyDatabase) => Partial<ToyStep>> = {
  // Stamps an order's row whenever the order comes by, also again.
  i: () => ({
    load: async (tx, events) => {
      const state = await loadToy(tx, events);
      await tx.query('UPDATE toy_orders SET created_at = now() WHERE order_id = ANY ($1::bigint[])', [
        events.map(({ data }) => data.orderId),
      ]);
      return state;
    },
  }),
  // Reads the first event's user only.
  ii: () => ({
    load: async (tx, events) => {
      const state = await loadToy(tx, events);
      const first = events[0]!.data.userId;
      return { ...state, tokens: new Map([[first, state.tokens.get(first) ?? 0]]) };
    },
  }),
  // Keeps a diary through a connection of its own.
  iii: ({ owner }) => ({
    load: async (tx, events) => {
      for (const { data } of events) {
        await owner.query('INSERT INTO toy_diary VALUES ($1) ON CONFLICT DO NOTHING', [
          `order ${data.orderId}`,
        ]);
      }
      return loadToy(tx, events);
    },
  }),
  // Saves one fact after the other.
  iv: () => ({
    save: (tx, facts) => {
      for (const fact of facts) saveToy(tx, [fact]);
    },
  }),
};

const CHECKS = { i: checkReplay, ii: checkSplit, iii: checkCrash, iv: checkStatements };
type Law = keyof typeof CHECKS;
const LAWS = Object.keys(CHECKS) as Law[];

describe('a step that breaks a law', () => {
  let database: ToyDatabase;
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  afterAll(() => database.close());

  const breaker = (law: Law): LawSubject => {
    const planted = { ...toyStep(), decide: decideToy, evolve: withToy, ...LAW_BREAKERS[law](database) };
    return subjectOf({ ...planted, name: `toy.breaks-${law}` }, database);
  };

  it.each(LAWS)('is caught by law %s', async (law) => {
    await expect(CHECKS[law](breaker(law), { seed: 1 })).rejects.toMatchObject({ name: 'LawBroken', law });
  });

  it('is caught by law i when it has no fence', async () => {
    let known: ReadonlySet<number> = new Set();
    const forgetful = {
      ...toyStep(),
      name: 'toy.forgets',
      load: async (tx: Tx, events: Parameters<typeof loadToy>[1]) => {
        const state = await loadToy(tx, events);
        known = state.handled;
        return { ...state, handled: new Set<number>() };
      },
      save: (tx: Tx, facts: Parameters<typeof saveToy>[1]) =>
        saveToy(
          tx,
          facts.filter(({ data }) => !known.has(data.orderId)),
        ),
    };
    const subject = subjectOf(forgetful, database);
    await expect(checkReplay(subject, { seed: 1 })).rejects.toThrow(/breaks law i:.*again changed something/);
  });

  it('is caught by law iii when its fence gives way: what stood still acts on what it had read', async () => {
    const yielding = {
      ...toyStep(),
      name: 'toy.yields',
      load: async (tx: Tx, events: Parameters<typeof loadToy>[1]) => {
        const query: Tx['query'] = (text, values) => tx.query(text.replace('FOR NO KEY UPDATE', ''), values);
        return loadToy({ ...tx, query }, events);
      },
      save: (tx: Tx, facts: Parameters<typeof saveToy>[1]) => {
        const send: Tx['send'] = (text, values) =>
          tx.send(FENCE.test(text) ? `${text} ON CONFLICT DO NOTHING` : text, values);
        saveToy({ ...tx, send }, facts);
      },
    };
    const subject = subjectOf(yielding, database);
    await expect(checkCrash(subject, { seed: 1 })).rejects.toThrow(/breaks law iii: a stall after statement/);
  });

  it.each(LAWS)('is caught by law %s alone', async (law) => {
    for (const other of LAWS.filter((candidate) => candidate !== law)) {
      await CHECKS[other](breaker(law), { seed: 1 });
    }
  });
});
