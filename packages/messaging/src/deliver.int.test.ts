import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Message } from '@orderflow/shared-events/envelope';
import { statementsOf } from '@orderflow/testing/watched-pool';
import { deliver } from './deliver.ts';
import { messageOutbox } from './outbox.ts';
import type { Fact, Step } from './step.ts';
import {
  asks,
  BUG,
  openToyDatabase,
  resetToy,
  toyContracts,
  toyStep,
  type Ask,
  type ToyDatabase,
} from './toy-step.test.ts';

const contracts = toyContracts();
const step = toyStep(contracts) as unknown as Step;

describe('deliver', () => {
  let database: ToyDatabase;
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  beforeEach(() => resetToy(database));
  afterAll(() => database.close());

  const deliverAll = (list: readonly Ask[], from: Step = step) =>
    deliver({ step: from, pool: database.pool, outbox: messageOutbox }, asks(contracts, list));

  it('lets the next event of a batch see what the last one took', async () => {
    const { row } = await deliverAll([
      { orderId: 1, tokens: 60 },
      { orderId: 2, tokens: 60 },
      { orderId: 3, tokens: 40 },
    ]);
    expect(row?.messages.map(({ topic, key }) => `${topic}/${key}`)).toEqual([
      'toy-taken/1',
      'toy-refused/2',
      'toy-taken/3',
    ]);
  });

  it('publishes ids that name the fact, the cause beside it, and the database’s time of the commit', async () => {
    const { row } = await deliverAll([{ orderId: 7 }]);
    const { rows } = await database.owner.query<{ at: Date }>(
      `SELECT date_trunc('milliseconds', created_at) AS at FROM toy_orders`,
    );
    expect(row?.messages[0]?.headers).toMatchObject({
      ce_id: 'toy-taken/7',
      ce_type: 'toy.taken.v1',
      ce_causationid: 'toy-asked/7',
      ce_time: rows[0]!.at.toISOString(),
    });
  });

  it('hands the trace on from the event to what it causes', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const [message] = asks(contracts, [{ orderId: 1 }]);
    const { row } = await deliver({ step, pool: database.pool, outbox: messageOutbox }, [
      { ...message!, headers: { ...message!.headers, traceparent: Buffer.from(traceparent) } },
    ]);
    expect(row?.messages[0]?.headers['traceparent']).toBe(traceparent);
  });

  it('saves facts that are not for publishing, and appends no outbox row for them', async () => {
    const { row, facts } = await deliverAll([{ orderId: 1 }], { ...step, emits: [] });
    expect([row, facts]).toEqual([undefined, 1]);
    const { rows } = await database.owner.query(
      'SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM toy_orders) AS orders',
    );
    expect(rows).toEqual([{ count: 0, orders: 1 }]);
  });

  it('tells the facts of a commit once it can be seen, and none of one that failed or changed nothing', async () => {
    const told: { type: string; rows: unknown }[] = [];
    let seen: Promise<unknown> = Promise.resolve();
    const context = {
      step,
      pool: database.pool,
      outbox: messageOutbox,
      committed: (facts: readonly Fact[]) => {
        seen = database.owner
          .query('SELECT order_id AS id FROM toy_orders')
          .then(({ rows }) => told.push(...facts.map(({ type }) => ({ type, rows }))));
      },
    };
    const batch = asks(contracts, [{ orderId: 1 }, { orderId: 2, tokens: 1_000 }]);
    await expect(deliver(context, asks(contracts, [{ orderId: 3, plant: BUG }]))).rejects.toThrow('a bug');
    await deliver(context, batch);
    await deliver(context, batch);
    await seen;
    const rows = [{ id: 1 }, { id: 2 }];
    expect(told).toEqual([
      { type: 'toy.taken', rows },
      { type: 'toy.refused', rows },
    ]);
  });

  it('writes one outbox row a commit, whatever the number of messages', async () => {
    await deliverAll(Array.from({ length: 50 }, (_, index) => ({ orderId: index + 1 })));
    const { rows } = await database.owner.query<{ messages: string }>('SELECT messages FROM outbox');
    expect(rows).toHaveLength(1);
    expect((JSON.parse(rows[0]!.messages) as Message[]).length).toBe(50);
  });

  it('sends no statement but BEGIN, load and COMMIT for events that change nothing', async () => {
    await deliverAll([{ orderId: 1 }]);
    const texts = await statementsOf(database.pool, (pool) =>
      deliver({ step, pool, outbox: messageOutbox }, asks(contracts, [{ orderId: 1 }])),
    );
    expect(texts).toHaveLength(4);
  });

  it('refuses a topic that is not the step’s', async () => {
    const [message] = asks(contracts, [{ orderId: 1 }]);
    const delivered = deliver({ step, pool: database.pool, outbox: messageOutbox }, [
      { ...message!, topic: 'elsewhere' },
    ]);
    await expect(delivered).rejects.toThrow('toy.take does not read elsewhere');
  });
});
