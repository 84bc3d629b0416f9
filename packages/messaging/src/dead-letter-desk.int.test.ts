import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  countDeadLetters,
  discardDeadLetters,
  openDeadLetters,
  pageOfDeadLetters,
  readDeadLetter,
} from './dead-letter-desk.ts';
import { park, type DeadLetterReason } from './dead-letters.ts';
import { messageOutbox, type HandOver } from './outbox.ts';
import { meterPublished, readOutboxBacklog } from './outbox-status.ts';
import { noMetrics } from './kit-metrics.ts';
import { transaction } from './postgres.ts';
import { replayDeadLetter } from './replay.ts';
import type { Fact, Step } from './step.ts';
import { asks, openToyDatabase, resetToy, toyContracts, toyStep, type ToyDatabase } from './toy-step.test.ts';

const contracts = toyContracts();
const step = toyStep(contracts) as unknown as Step;

describe("an operator's desk of dead letters", () => {
  let database: ToyDatabase;
  let ids: number[];
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  afterAll(() => database.close());

  const parkAll = (orders: readonly number[], reason: DeadLetterReason, name = step.name) =>
    transaction(database.pool, (tx) =>
      park(
        tx,
        name,
        asks(
          contracts,
          orders.map((orderId) => ({ orderId })),
        ).map((message) => ({ message, reason, error: 'why' })),
      ),
    );
  const all = { includeClosed: true, limit: 100 };
  const page = () => pageOfDeadLetters(database.pool, all);
  const discard = (chosen: readonly number[]) =>
    transaction(database.pool, (tx) =>
      discardDeadLetters(tx, chosen, { closedBy: 'operator 9', note: 'a test' }),
    );

  beforeEach(async () => {
    await resetToy(database);
    await parkAll([1, 2, 3], 'FAULT');
    await parkAll([4, 5], 'SCHEMA', 'toy.other');
    ids = (await page()).map(({ id }) => id).reverse();
  });

  it('shows lines without values, newest first, by any filter, page by page', async () => {
    const keys = async (more: object) =>
      (await pageOfDeadLetters(database.pool, { includeClosed: false, limit: 100, ...more })).map(({ key }) =>
        Number(String(key)),
      );
    expect(await keys({})).toEqual([5, 4, 3, 2, 1]);
    expect(await keys({ step: 'toy.take' })).toEqual([3, 2, 1]);
    expect(await keys({ reason: 'SCHEMA', topic: contracts.asked.topic })).toEqual([5, 4]);
    expect(await keys({ topic: 'elsewhere' })).toEqual([]);
    expect(await keys({ limit: 2, before: ids[3] })).toEqual([3, 2]);
    await discard([ids[4]!]);
    expect(await keys({})).toEqual([4, 3, 2, 1]);
    const [newest] = await page();
    expect(newest).not.toHaveProperty('value');
    expect(Buffer.from(newest?.eventId ?? '', 'base64').toString()).toBe(`${contracts.asked.topic}/5`);
  });

  it('shows one with its whole message, or nothing', async () => {
    const letter = await readDeadLetter(database.pool, ids[0]!);
    expect(JSON.parse(String(letter?.value))).toMatchObject({ orderId: 1 });
    expect(letter).toMatchObject({ step: 'toy.take', closedBy: null, note: null });
    expect(await readDeadLetter(database.pool, 4_711_000)).toBeNull();
  });

  it('counts the open ones by step and reason', async () => {
    await discard([ids[0]!]);
    const counts = await countDeadLetters(database.pool);
    expect(new Map(counts.map(({ step, reason, count }) => [`${step} ${reason}`, count]))).toEqual(
      new Map([
        ['toy.take FAULT', 2],
        ['toy.other SCHEMA', 2],
      ]),
    );
  });

  it('picks open ones oldest first, so many at a time, and says how many there are', async () => {
    const picked = await openDeadLetters(database.pool, { step: 'toy.take', limit: 2 });
    expect(picked).toEqual({ total: 3, letters: ids.slice(0, 2).map((id) => ({ id, step: 'toy.take' })) });
    const rest = await openDeadLetters(database.pool, { step: 'toy.take', limit: 2, after: ids[1] });
    expect(rest).toEqual({ total: 1, letters: [{ id: ids[2], step: 'toy.take' }] });
  });

  it('discards what is open, once, with who did it and why', async () => {
    expect(await discard([ids[1]!, ids[0]!, 4_711_000])).toEqual([ids[0], ids[1]]);
    expect(await discard([ids[0]!])).toEqual([]);
    expect(await readDeadLetter(database.pool, ids[0]!)).toMatchObject({
      outcome: 'DISCARDED',
      closedBy: 'operator 9',
      note: 'a test',
      closedAt: expect.any(Date) as unknown,
    });
  });

  it('says how a replay would end without a trace of it, then does it and keeps who and why', async () => {
    const handOver = jest.fn<HandOver>();
    const committed = jest.fn<(facts: readonly Fact[]) => void>();
    const context = { step, pool: database.pool, outbox: messageOutbox, handOver, committed };
    expect(await replayDeadLetter(context, ids[0]!, { dryRun: true })).toBe('REPLAYED');
    const left = async () => (await database.owner.query('SELECT 1 FROM toy_orders')).rows.length;
    expect([await left(), handOver.mock.calls.length, committed.mock.calls.length]).toEqual([0, 0, 0]);
    expect(await readDeadLetter(database.pool, ids[0]!)).toMatchObject({ closedAt: null });
    const how = { closedBy: 'operator 9', note: 'mended' };
    expect(await replayDeadLetter(context, ids[0]!, how)).toBe('REPLAYED');
    expect([await left(), committed.mock.calls.flat(2)]).toMatchObject([1, [{ type: 'toy.taken' }]]);
    expect(await readDeadLetter(database.pool, ids[0]!)).toMatchObject({ outcome: 'REPLAYED', ...how });
  });
});

describe('the state of an outbox', () => {
  let database: ToyDatabase;
  beforeAll(async () => {
    database = await openToyDatabase();
    await resetToy(database);
  });
  afterAll(() => database.close());

  it('is its rows and the age of the oldest', async () => {
    expect(await readOutboxBacklog(database.pool)).toEqual({ pendingRows: 0, oldestAgeSeconds: null });
    await database.owner.query(
      `INSERT INTO outbox (messages, created_at) VALUES ('[]', now() - interval '90 s'), ('[]', now())`,
    );
    const { pendingRows, oldestAgeSeconds } = await readOutboxBacklog(database.pool);
    expect(pendingRows).toBe(2);
    expect(oldestAgeSeconds).toBeGreaterThanOrEqual(90);
    expect(oldestAgeSeconds).toBeLessThan(120);
  });

  it('has the rate of the last minute, of a younger process that of its life', () => {
    let time = 0;
    const published = meterPublished(noMetrics, () => time);
    const publish = (by: number) => published.metrics.count('outbox_published_total', {}, by);
    time = 10_000;
    publish(50);
    published.metrics.count('step_facts_total', {}, 999);
    expect(published.perSecond()).toBe(5);
    time = 65_000;
    publish(70);
    expect(published.perSecond()).toBe(2);
    time = 100_000;
    expect(published.perSecond()).toBeCloseTo(70 / 60);
  });
});
