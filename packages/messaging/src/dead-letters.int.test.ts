import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TestDelivery } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool, type ConnectionPool } from '@orderflow/testing/watched-pool';
import { listDeadLetters, park, type ParkedMessage } from './dead-letters.ts';
import { deliver } from './deliver.ts';
import { messageOutbox, type HandOver } from './outbox.ts';
import { transaction } from './postgres.ts';
import { replayDeadLetter } from './replay.ts';
import type { Step } from './step.ts';
import {
  asks,
  BUG,
  decideToy,
  openToyDatabase,
  resetToy,
  toyContracts,
  toyStep,
  type Ask,
  type ToyDatabase,
} from './toy-step.test.ts';

const contracts = toyContracts();
const step = toyStep(contracts) as unknown as Step;

describe('dead letters', () => {
  let database: ToyDatabase;
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  beforeEach(() => resetToy(database));
  afterAll(() => database.close());

  const deliverTo = (batch: readonly TestDelivery[]) =>
    deliver({ step, pool: database.pool, outbox: messageOutbox }, batch);
  const letters = () => listDeadLetters(database.pool, { includeClosed: true });
  const parkAll = (parked: readonly ParkedMessage[], name = step.name) =>
    transaction(database.pool, (tx) => park(tx, name, parked));
  const faulty = (list: readonly Ask[]): ParkedMessage[] =>
    asks(contracts, list).map((message) => ({ message, reason: 'FAULT', error: 'a bug' }));
  const replay = (id: number, by: Step = step, pool: ConnectionPool = database.pool) => {
    const handOver = jest.fn<HandOver>();
    const context = { step: by, pool, outbox: messageOutbox, handOver };
    return { handOver, outcome: replayDeadLetter(context, id) };
  };

  it('hold messages that cannot be read, each with its reason, while the rest of the batch is done', async () => {
    const [good, other, wrongKey, future, broken, binary] = asks(
      contracts,
      [1, 2, 3, 4, 5, 6].map((orderId) => ({ orderId })),
    ) as [TestDelivery, TestDelivery, TestDelivery, TestDelivery, TestDelivery, TestDelivery];
    const batch: (TestDelivery & { unsupportedCompression?: string })[] = [
      good,
      { ...other, headers: {} },
      { ...wrongKey, key: Buffer.from('1') },
      { ...future, headers: { ...future.headers, ce_type: Buffer.from('toy.asked.v99') } },
      { ...broken, value: Buffer.from('{bad') },
      { ...binary, value: Buffer.from([0xff, 0x00, 0xfe]) },
      { ...good, offset: '6', value: null },
      { ...good, offset: '7', value: Buffer.from('{"orderId":"1"}') },
      { ...good, offset: '8', key: null, value: null, headers: {}, unsupportedCompression: 'snappy' },
    ];
    const { facts } = await deliverTo(batch);
    expect(facts).toBe(1);
    const found = (await letters()).reverse();
    expect(found.map(({ offset, reason }) => [offset, reason])).toEqual([
      ['1', 'UNKNOWN_TYPE'],
      ['2', 'KEY_MISMATCH'],
      ['3', 'UNKNOWN_VERSION'],
      ['4', 'UNPARSEABLE'],
      ['5', 'UNPARSEABLE'],
      ['6', 'UNPARSEABLE'],
      ['7', 'SCHEMA'],
      ['8', 'UNSUPPORTED_COMPRESSION'],
    ]);
    expect(found[4]!.value).toEqual(Buffer.from([0xff, 0x00, 0xfe]));
    expect(found[1]).toMatchObject({
      step: 'toy.take',
      topic: 'toy-asked',
      partition: 3,
      key: Buffer.from('1'),
    });
    expect(Buffer.from(found[1]!.headers['ce_type']!, 'base64').toString()).toBe('toy.asked.v1');
  });

  it('are one per step, topic, partition and offset, however often a message comes', async () => {
    const [letter] = faulty([{ orderId: 1 }]) as [ParkedMessage];
    await parkAll([letter, letter]);
    await parkAll([{ ...letter, error: 'another text' }]);
    await parkAll([letter], 'toy.other');
    const elsewhere = { ...letter, message: { ...letter.message, partition: 5 } };
    const later = { ...letter, message: { ...letter.message, offset: '9007199254740993' } };
    await parkAll([elsewhere, later]);
    const found = (await letters()).reverse();
    expect(found.map((row) => [row.step, row.partition, row.offset, row.error])).toEqual([
      ['toy.take', 1, '0', 'a bug'],
      ['toy.other', 1, '0', 'a bug'],
      ['toy.take', 5, '0', 'a bug'],
      ['toy.take', 1, '9007199254740993', 'a bug'],
    ]);
  });

  it('keep an error that Postgres’ text cannot hold, shortened', async () => {
    const [letter] = faulty([{ orderId: 1 }]) as [ParkedMessage];
    await parkAll([{ ...letter, error: `NUL \0 and \ud800 ${'x'.repeat(5000)}` }]);
    const [row] = await letters();
    expect(row?.error.length).toBeLessThanOrEqual(2000);
    expect(row?.error).toMatch(/^NUL . and/);
  });

  it('keep headers that JSONB cannot hold as they are: null values, NUL in names', async () => {
    const [message] = asks(contracts, [{ orderId: 1 }]) as [TestDelivery];
    const headers = { ...message.headers, 'a\0b': Buffer.from('x'), absent: null as unknown as Buffer };
    await deliverTo([{ ...message, headers, value: null }]);
    const [letter] = await letters();
    expect(letter!.headers).toMatchObject({ 'a�b': Buffer.from('x').toString('base64') });
    expect(letter!.headers).not.toHaveProperty('absent');
  });

  it('are listed newest first, by filter and page by page; closed ones on request', async () => {
    await parkAll(faulty([{ orderId: 1 }, { orderId: 2 }, { orderId: 3 }]));
    await parkAll([{ ...faulty([{ orderId: 4 }])[0]!, reason: 'SCHEMA' }], 'toy.other');
    const keys = async (filter: Parameters<typeof listDeadLetters>[1]) =>
      (await listDeadLetters(database.pool, filter)).map(({ key }) => Number(String(key)));
    const [fourth, third] = await letters();
    expect(await keys({})).toEqual([4, 3, 2, 1]);
    expect(await keys({ step: 'toy.take' })).toEqual([3, 2, 1]);
    expect(await keys({ reason: 'SCHEMA' })).toEqual([4]);
    expect(await keys({ topic: 'elsewhere' })).toEqual([]);
    expect(await keys({ ids: [fourth!.id, third!.id] })).toEqual([4, 3]);
    expect(await keys({ limit: 2 })).toEqual([4, 3]);
    expect(await keys({ limit: 2, before: third!.id })).toEqual([2, 1]);
    await database.owner.query(
      `UPDATE dead_letters SET closed_at = now(), outcome = 'DISCARDED' WHERE id = $1`,
      [fourth!.id],
    );
    expect(await keys({})).toEqual([3, 2, 1]);
    expect(await keys({ includeClosed: true })).toEqual([4, 3, 2, 1]);
  });

  describe('replayed', () => {
    const parkOne = async (ask: Ask): Promise<number> => {
      await parkAll(faulty([ask]));
      return (await letters())[0]!.id;
    };

    it('have their effect, send its messages and are closed, in one transaction', async () => {
      const id = await parkOne({ orderId: 1, tokens: 5 });
      const { outcome, handOver } = replay(id);
      expect(await outcome).toBe('REPLAYED');
      expect(handOver.mock.calls[0]?.[0].messages.map(({ topic, key }) => `${topic}/${key}`)).toEqual([
        'toy-taken/1',
      ]);
      expect(await letters()).toMatchObject([
        { id, outcome: 'REPLAYED', closedAt: expect.any(Date) as unknown },
      ]);
      const { rows } = await database.owner.query<{ same: boolean }>(
        `SELECT count(DISTINCT xmin::text) = 1 AS same FROM
           (SELECT xmin FROM dead_letters UNION ALL SELECT xmin FROM toy_orders UNION ALL SELECT xmin FROM outbox) x`,
      );
      expect(rows).toEqual([{ same: true }]);
    });

    it('are not replayed after 21 days: their order’s tombstone may be gone', async () => {
      await parkAll(faulty([{ orderId: 1 }]));
      const [letter] = await letters();
      await database.owner.query(`UPDATE dead_letters SET parked_at = now() - interval '22 days'`);
      expect(await replay(letter!.id).outcome).toEqual({
        refused: 'TOO_OLD',
        why: 'parked more than 21 days ago',
      });
      expect((await letters())[0]?.closedAt).toBeNull();
    });

    it('end as NO_EFFECT when the order was handled meanwhile', async () => {
      const id = await parkOne({ orderId: 1 });
      await deliverTo(asks(contracts, [{ orderId: 1 }]));
      const { outcome, handOver } = replay(id);
      expect(await outcome).toBe('NO_EFFECT');
      expect(handOver).not.toHaveBeenCalled();
      expect(await letters()).toMatchObject([{ outcome: 'NO_EFFECT' }]);
    });

    it('are replayed once, also by two operators at once: the second waits and finds it closed', async () => {
      const id = await parkOne({ orderId: 1 });
      let second: Promise<unknown> | undefined;
      const slow = watchPool(database.pool, async ({ text, run }) => {
        if (text.startsWith('UPDATE dead_letters')) {
          second = replay(id).outcome;
          await waitUntil(() => database.someoneWaits());
        }
        return run();
      });
      expect(await replay(id, step, slow).outcome).toBe('REPLAYED');
      expect(await second).toBeNull();
      expect(await replay(id).outcome).toBeNull();
    });

    it('stay open when the fault is still there, and leave nothing', async () => {
      const id = await parkOne({ orderId: 1, plant: BUG });
      expect(await replay(id).outcome).toEqual({ refused: 'FAULT', why: 'a bug in decide' });
      expect(await letters()).toMatchObject([{ closedAt: null, outcome: null }]);
      const mended = { ...step, decide: (state: never, event: never) => decideMended(state, event) };
      expect(await replay(id, mended as unknown as Step).outcome).toBe('REPLAYED');
    });

    it('stay open with the reason when their bytes still cannot be read', async () => {
      const [message] = asks(contracts, [{ orderId: 1 }]) as [TestDelivery];
      await deliverTo([{ ...message, value: Buffer.from('{bad') }]);
      const id = (await letters())[0]!.id;
      expect(await replay(id).outcome).toMatchObject({
        refused: 'UNPARSEABLE',
      });
      expect(await letters()).toMatchObject([{ closedAt: null }]);
    });

    it('belong to their step: another one does not touch them', async () => {
      const id = await parkOne({ orderId: 1 });
      expect(await replay(id, { ...step, name: 'toy.other' }).outcome).toBeNull();
      expect(await replay(id + 1).outcome).toBeNull();
    });
  });

  function decideMended(state: Parameters<typeof decideToy>[0], event: Parameters<typeof decideToy>[1]) {
    return decideToy(state, { ...event, data: { ...event.data, couponId: null } });
  }
});
