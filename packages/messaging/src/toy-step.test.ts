import kafkajs, { type Kafka } from 'kafkajs';
import { connect } from 'node:net';
import { defineEvent, type DataOf, type EventOf } from '@orderflow/shared-events/contract';
import { MessageFault } from '@orderflow/shared-events/fault';
import { orderSoFar } from '@orderflow/shared-events/order-so-far';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import { toDeliveries, type TestDelivery } from '@orderflow/testing/events';
import { anOrder, received } from '@orderflow/testing/orders';
import { fileURLToPath } from 'node:url';
import type { KitMetrics } from './kit-metrics.ts';
import { createPool, type Tx } from './postgres.ts';
import { defineStep, type Step } from './step.ts';

/**
 * What the kit's tests run: a step that takes an order's quantity from its user's tokens. `couponId` plants faults:
 * BUG throws a TypeError in decide, UNPAID a MessageFault; a quantity of 13 breaks a CHECK.
 */

export const BUG = 998;
export const UNPAID = 999;

const contract = <Type extends string>(type: Type, topic: string) =>
  defineEvent({ type, version: 1, topic, publisher: 'order', schema: orderSoFar });

/** Contracts of the toy's own, so that a suite can have topics of its own. */
export function toyContracts(suffix = '') {
  return {
    asked: contract('toy.asked', `toy-asked${suffix}`),
    taken: contract('toy.taken', `toy-taken${suffix}`),
    refused: contract('toy.refused', `toy-refused${suffix}`),
  };
}
export type ToyContracts = ReturnType<typeof toyContracts>;
type Asked = EventOf<ToyContracts['asked']>;
type Data = DataOf<ToyContracts['asked']>;

export interface ToyFact {
  readonly type: 'toy.taken' | 'toy.refused';
  readonly data: Data;
}

export interface ToyState {
  readonly handled: Set<number>;
  readonly tokens: Map<number, number>;
}

export type ToyStep = Step<ToyContracts['asked'], ToyContracts['taken' | 'refused'], ToyState, ToyFact>;

export function toyStep(contracts = toyContracts(), name = 'toy.take'): ToyStep {
  return defineStep({
    name,
    on: [contracts.asked],
    emits: [contracts.taken, contracts.refused],
    fences: ['toy_orders_pkey'],
    load: loadToy,
    decide: decideToy,
    evolve: withToy,
    save: saveToy,
  });
}

export const wanted = (data: Data): number => data.items[0]?.quantity ?? 0;

export async function loadToy(tx: Tx, events: readonly Asked[]): Promise<ToyState> {
  const [users, orders] = await Promise.all([
    tx.query<{ id: number; tokens: number }>(
      `SELECT user_id AS id, tokens FROM toy_users WHERE user_id = ANY ($1::bigint[])
        ORDER BY user_id FOR NO KEY UPDATE`,
      [events.map(({ data }) => data.userId)],
    ),
    tx.query<{ id: number }>('SELECT order_id AS id FROM toy_orders WHERE order_id = ANY ($1::bigint[])', [
      events.map(({ data }) => data.orderId),
    ]),
  ]);
  return {
    handled: new Set(orders.rows.map(({ id }) => id)),
    tokens: new Map(users.rows.map(({ id, tokens }) => [id, tokens])),
  };
}

export function decideToy(state: ToyState, { data }: Asked): readonly ToyFact[] {
  if (data.couponId === BUG) throw new TypeError('a bug in decide');
  if (data.couponId === UNPAID) throw new MessageFault('REFUND_WITHOUT_CHARGE', 'never paid');
  if (state.handled.has(data.orderId)) return [];
  const enough = (state.tokens.get(data.userId) ?? 0) >= wanted(data);
  return [{ type: enough ? 'toy.taken' : 'toy.refused', data }];
}

export function withToy(state: ToyState, { type, data }: ToyFact): ToyState {
  state.handled.add(data.orderId);
  if (type === 'toy.taken') {
    state.tokens.set(data.userId, (state.tokens.get(data.userId) ?? 0) - wanted(data));
  }
  return state;
}

export function saveToy(tx: Tx, facts: readonly ToyFact[]): void {
  const taken = facts.filter(({ type }) => type === 'toy.taken').map(({ data }) => data);
  tx.send(
    `INSERT INTO toy_takings (order_id, user_id, tokens)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[])`,
    [taken.map(({ orderId }) => orderId), taken.map(({ userId }) => userId), taken.map(wanted)],
  );
  tx.send(
    `UPDATE toy_users u SET tokens = u.tokens - t.tokens
       FROM (SELECT user_id, sum(tokens) AS tokens FROM unnest($1::bigint[], $2::int[]) x (user_id, tokens) GROUP BY 1) t
      WHERE u.user_id = t.user_id`,
    [taken.map(({ userId }) => userId), taken.map(wanted)],
  );
  const sorted = facts.toSorted((a, b) => a.data.orderId - b.data.orderId);
  tx.send('INSERT INTO toy_orders (order_id, status) SELECT * FROM unnest($1::bigint[], $2::text[])', [
    sorted.map(({ data }) => data.orderId),
    sorted.map(({ type }) => (type === 'toy.taken' ? 'done' : 'rejected')),
  ]);
}

/** What an order asks for. */
export interface Ask {
  readonly orderId: number;
  readonly userId?: number;
  readonly tokens?: number;
  readonly plant?: typeof BUG | typeof UNPAID;
}

export function asked(contracts: ToyContracts, { orderId, userId = 1, tokens = 1, plant }: Ask): Asked {
  const items = [
    {
      productId: 1,
      quantity: tokens,
      expectedUnitPrice: null,
      unitPrice: 100n,
      totalPrice: 100n * BigInt(tokens),
    },
  ];
  return received(contracts.asked, anOrder({ orderId, userId, couponId: plant ?? null, items }));
}

/** A batch of the toy's messages. */
export function asks(contracts: ToyContracts, list: readonly Ask[]): TestDelivery[] {
  return toDeliveries(
    list.map((ask) => asked(contracts, ask)),
    contracts.asked,
  );
}

export type ToyDatabase = TestDatabase & ReturnType<typeof openPools> & { close(): Promise<void> };

function openPools(database: TestDatabase) {
  return {
    pool: createPool({ url: database.url, name: 'toy' }),
    owner: createPool({ url: database.ownerUrl, name: 'toy-owner', max: 2 }),
  };
}

/** A database with the toy's tables and its pools. */
export async function openToyDatabase(): Promise<ToyDatabase> {
  const migrations = fileURLToPath(new URL('../fixtures/migrations', import.meta.url));
  const database = await createTestDatabase({ name: 'toy', migrations });
  const pools = openPools(database);
  return {
    ...database,
    ...pools,
    async close() {
      await Promise.all([pools.pool.end(), pools.owner.end()]);
      await database.drop();
    },
  };
}

/** Empties the toy's tables; user 1 gets 100 tokens. */
export async function resetToy({ owner }: Pick<ToyDatabase, 'owner'>): Promise<void> {
  await owner.query('TRUNCATE outbox, dead_letters, toy_users, toy_takings, toy_orders, toy_diary');
  await owner.query('INSERT INTO toy_users VALUES (1, 100)');
}

/** The entries of the toy's diary, sorted. */
export async function readDiary({ owner }: Pick<ToyDatabase, 'owner'>): Promise<string[]> {
  const { rows } = await owner.query<{ entry: string }>('SELECT entry FROM toy_diary ORDER BY 1');
  return rows.map(({ entry }) => entry);
}

/** Counts by name and labels, as `name{label="value"}`. */
export function countingMetrics(): KitMetrics & { readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    count(name, labels, by = 1) {
      const key = `${name}${JSON.stringify(labels)}`;
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    observe: () => undefined,
  };
}

/** A client whose every connection goes to a proxy's port: the broker tells clients its own address. */
export function kafkaThrough(port: number, brokers: readonly string[]): Kafka {
  return new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port }, onConnect),
  });
}
