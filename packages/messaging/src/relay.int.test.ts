import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Message } from '@orderflow/shared-events/envelope';
import { toMessage } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool, type ConnectionPool } from '@orderflow/testing/watched-pool';
import type { ProducerBatch } from 'kafkajs';
import { commitWithOutbox, messageOutbox, type HandOver, type OutboxRow } from './outbox.ts';
import { quietLogger } from './quiet-logger.test.ts';
import { Relay } from './relay.ts';
import {
  asked,
  countingMetrics,
  openToyDatabase,
  resetToy,
  toyContracts,
  type ToyDatabase,
} from './toy-step.test.ts';

const contracts = toyContracts();
const messageOf = (orderId: number): Message => toMessage(asked(contracts, { orderId }), contracts.asked);

/** A broker that notes what it is sent; `answer` decides about each send. */
function fakeProducer() {
  const sends: ProducerBatch[] = [];
  const answer = jest.fn<(batch: ProducerBatch) => Promise<void>>().mockResolvedValue();
  const sendBatch = async (batch: ProducerBatch) => {
    sends.push(batch);
    await answer(batch);
    return [];
  };
  const keys = () =>
    sends.flatMap(({ topicMessages = [] }) =>
      topicMessages.flatMap(({ messages }) => messages.map(({ key }) => Number(String(key)))),
    );
  return { sendBatch, answer, sends, keys };
}

describe('the relay', () => {
  let database: ToyDatabase;
  const relays: Relay[] = [];
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  beforeEach(() => resetToy(database));
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop(1000)));
  });
  afterAll(() => database.close());

  /** `pollIntervalMs`: by default the poll never comes, so that a test sees the memory's way alone. */
  function start(options: { pollIntervalMs?: number; pool?: ConnectionPool } = {}) {
    const producer = fakeProducer();
    const metrics = countingMetrics();
    const logger = quietLogger();
    const relay = new Relay({
      pool: database.pool,
      outbox: messageOutbox,
      pollIntervalMs: 3_600_000,
      ...options,
      producer,
      logger,
      metrics,
    });
    relay.start();
    relays.push(relay);
    return { relay, producer, metrics, logger };
  }

  const commit = (handOver: HandOver, ...orderIds: number[]) =>
    commitWithOutbox({ pool: database.pool, outbox: messageOutbox, handOver }, async () => ({
      result: undefined,
      messages: orderIds.map(messageOf),
    }));
  const ageRows = () => database.owner.query(`UPDATE outbox SET created_at = now() - interval '5 seconds'`);
  const rowsLeft = async () => {
    const { rows } = await database.owner.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM outbox',
    );
    return rows[0]!.count;
  };
  const allGone = () => waitUntil(async () => (await rowsLeft()) === 0, { what: 'an empty outbox' });
  const nobody: HandOver = () => undefined;

  it('sends what was handed over at once, to all replicas, and then deletes its row', async () => {
    const { relay, producer, metrics } = start();
    await commit(relay.handOver, 1, 2);
    await allGone();
    expect(producer.sends).toMatchObject([
      { acks: -1, topicMessages: [{ topic: 'toy-asked', messages: [messageOf(1), messageOf(2)] }] },
    ]);
    expect(metrics.counts.get('outbox_published_total{"source":"memory"}')).toBe(2);
  });

  it('has one send at a time; what comes meanwhile goes together in the next, rows undivided', async () => {
    const { relay, producer } = start();
    let acknowledge = () => {};
    producer.answer.mockImplementationOnce(() => new Promise<void>((resolve) => (acknowledge = resolve)));
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    await commit(relay.handOver, 2, 3);
    await commit(relay.handOver, 4);
    expect(producer.sends).toHaveLength(1);
    acknowledge();
    await allGone();
    expect(producer.sends).toHaveLength(2);
    expect(producer.keys()).toEqual([1, 2, 3, 4]);
  });

  it('keeps a row until the broker has acknowledged it', async () => {
    const { relay, producer } = start();
    let acknowledge = () => {};
    producer.answer.mockImplementation(() => new Promise<void>((resolve) => (acknowledge = resolve)));
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    expect(await rowsLeft()).toBe(1);
    acknowledge();
    await allGone();
  });

  it('leaves the rows of a failed send, says since when, and the poll sends the same bytes later', async () => {
    const { relay, producer, logger } = start({ pollIntervalMs: 50 });
    producer.answer.mockRejectedValueOnce(new Error('broker away'));
    await commit(relay.handOver, 1, 2);
    await waitUntil(() => relay.failingSince());
    expect(await rowsLeft()).toBe(1);
    await ageRows();
    await allGone();
    expect(producer.sends).toHaveLength(2);
    expect(producer.sends[1]).toEqual(producer.sends[0]);
    expect(relay.failingSince()).toBeNull();
    expect(logger.warn).toHaveBeenCalledTimes(1);
  });

  it('takes nothing into memory while sends fail: the rows wait in the table', async () => {
    const { relay, producer } = start({ pollIntervalMs: 50 });
    producer.answer.mockRejectedValueOnce(new Error('broker away'));
    await commit(relay.handOver, 1);
    await waitUntil(() => relay.failingSince());
    await commit(relay.handOver, 2);
    await ageRows();
    await allGone();
    expect(producer.keys()).toEqual([1, 1, 2]);
  });

  it('sends rows that nobody handed over, once they are a second old', async () => {
    const { producer, metrics } = start({ pollIntervalMs: 50 });
    await commit(nobody, 1);
    await commit(nobody, 2);
    await database.owner.query(
      `UPDATE outbox SET created_at = now() - interval '5 seconds' WHERE messages LIKE '%toy-asked/1"%'`,
    );
    await waitUntil(async () => (await rowsLeft()) === 1);
    expect(producer.keys()).toEqual([1]);
    await allGone();
    expect(producer.keys()).toEqual([1, 2]);
    expect(metrics.counts.get('outbox_published_total{"source":"poll"}')).toBe(2);
  });

  it('does not claim what it holds in memory itself', async () => {
    const { relay, producer } = start({ pollIntervalMs: 20 });
    let acknowledge = () => {};
    producer.answer.mockImplementationOnce(() => new Promise<void>((resolve) => (acknowledge = resolve)));
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    await ageRows();
    await commit(relay.handOver, 2);
    acknowledge();
    await allGone();
    expect(producer.keys()).toEqual([1, 2]);
  });

  it('sends each row once when two relays poll at once, and loses none', async () => {
    for (let orderId = 1; orderId <= 300; orderId += 1) {
      await database.owner.query('INSERT INTO outbox (messages) VALUES ($1)', [
        JSON.stringify([messageOf(orderId)]),
      ]);
    }
    await ageRows();
    const [one, other] = [start({ pollIntervalMs: 10 }), start({ pollIntervalMs: 10 })];
    for (const { producer } of [one, other])
      producer.answer.mockImplementation(() => new Promise(setImmediate));
    await allGone();
    const keys = [...one.producer.keys(), ...other.producer.keys()].sort((a, b) => a - b);
    expect(keys).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  });

  it('leaves claimed rows of a failed send to whoever polls next', async () => {
    await commit(nobody, 1);
    await ageRows();
    const dying = start({ pollIntervalMs: 10 });
    dying.producer.answer.mockRejectedValue(new Error('broker away'));
    await waitUntil(() => dying.relay.failingSince());
    expect(await rowsLeft()).toBe(1);
    const living = start({ pollIntervalMs: 10 });
    await allGone();
    expect(living.producer.keys()).toEqual([1]);
  });

  it('tries to delete again what it could not delete, without sending it again', async () => {
    let failures = 1;
    const pool = watchPool(database.pool, async ({ text, run }) => {
      if (text.startsWith('DELETE FROM outbox') && failures > 0) {
        failures -= 1;
        throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
      }
      return run();
    });
    const { relay, producer } = start({ pool, pollIntervalMs: 50 });
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    await ageRows();
    await allGone();
    expect([failures, producer.keys()]).toEqual([0, [1]]);
  });

  it('goes on when the database was away', async () => {
    const { relay, producer, logger } = start({ pollIntervalMs: 20 });
    await database.takeAway();
    await waitUntil(() => logger.warn.mock.calls.some(([, text]) => text.startsWith('outbox poll failed')));
    await database.bringBack();
    await commit(relay.handOver, 1);
    await allGone();
    expect(producer.keys()).toEqual([1]);
  });

  it('bounds what it holds in memory: beyond it rows wait for the poll, and none is lost', async () => {
    const { relay, producer } = start({ pollIntervalMs: 50 });
    let acknowledge = () => {};
    producer.answer.mockImplementationOnce(() => new Promise<void>((resolve) => (acknowledge = resolve)));
    const big = (id: number): OutboxRow => ({
      id,
      messages: Array.from({ length: 9_000 }, () => messageOf(id)),
    });
    relay.handOver({ id: 900_001, messages: [messageOf(1)] });
    await waitUntil(() => producer.sends.length === 1);
    for (const id of [900_002, 900_003, 900_004]) relay.handOver(big(id));
    acknowledge();
    await waitUntil(() => producer.keys().length === 1 + 2 * 9_000);
    await relay.stop(1000);
    expect(new Set(producer.keys())).toEqual(new Set([1, 900_002, 900_003]));
  });

  it('publishes what memory holds when it stops, and takes nothing more', async () => {
    const { relay, producer } = start();
    let acknowledge = () => {};
    producer.answer.mockImplementationOnce(() => new Promise<void>((resolve) => (acknowledge = resolve)));
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    await commit(relay.handOver, 2);
    const stopped = relay.stop(5000);
    await commit(relay.handOver, 3);
    acknowledge();
    await stopped;
    expect(producer.keys()).toEqual([1, 2]);
    expect(await rowsLeft()).toBe(1);
  });

  it('never asks the broker for a batch it refuses: a large row goes in parts, and rows behind it follow', async () => {
    const { relay, producer } = start();
    const large = { ...messageOf(1), value: 'x'.repeat(300_000) };
    const write = { pool: database.pool, outbox: messageOutbox, handOver: relay.handOver };
    await commitWithOutbox(write, async () => ({ result: null, messages: Array<Message>(7).fill(large) }));
    await commit(relay.handOver, 2);
    await allGone();
    const bytes = producer.sends.map(({ topicMessages = [] }) =>
      topicMessages
        .flatMap(({ messages }) => messages)
        .reduce((sum, { value }) => sum + Number(value?.length), 0),
    );
    expect(Math.max(...bytes)).toBeLessThan(1_000_000);
    expect(producer.keys()).toEqual([1, 1, 1, 1, 1, 1, 1, 2]);
  });

  it('is well again when another relay has sent what failed here', async () => {
    const { relay, producer } = start({ pollIntervalMs: 50 });
    producer.answer.mockRejectedValueOnce(new Error('broker away'));
    await commit(relay.handOver, 1);
    await waitUntil(() => relay.failingSince());
    await database.owner.query('DELETE FROM outbox');
    await waitUntil(() => relay.failingSince() === null);
  });

  it('stops in time when the broker does not answer; the rows stay', async () => {
    const { relay, producer } = start();
    producer.answer.mockImplementation(() => new Promise(() => undefined));
    await commit(relay.handOver, 1);
    await waitUntil(() => producer.sends.length === 1);
    const started = performance.now();
    await relay.stop(100);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(await rowsLeft()).toBe(1);
  });
});
