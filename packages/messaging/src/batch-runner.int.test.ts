import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import { watchPool } from '@orderflow/testing/watched-pool';
import { BatchRunner, type BatchRunnerOptions } from './batch-runner.ts';
import { listDeadLetters } from './dead-letters.ts';
import { messageOutbox, type HandOver } from './outbox.ts';
import { createPoisonMeter } from './poison.ts';
import { quietLogger } from './quiet-logger.test.ts';
import type { Step } from './step.ts';
import {
  asks,
  BUG,
  countingMetrics,
  openToyDatabase,
  resetToy,
  toyContracts,
  toyStep,
  UNPAID,
  type Ask,
  type ToyDatabase,
} from './toy-step.test.ts';

const contracts = toyContracts();

describe('the batch runner', () => {
  let database: ToyDatabase;
  let stopping: AbortController;
  beforeAll(async () => {
    database = await openToyDatabase();
  });
  beforeEach(async () => {
    stopping = new AbortController();
    await resetToy(database);
  });
  afterEach(() => stopping.abort());
  afterAll(() => database.close());

  function runner(options: Partial<BatchRunnerOptions> = {}) {
    const metrics = countingMetrics();
    const logger = quietLogger();
    const handOver = jest.fn<HandOver>();
    const heartbeat = jest.fn<() => Promise<void>>().mockResolvedValue();
    const batches = new BatchRunner({
      step: toyStep(contracts),
      pool: database.pool,
      outbox: messageOutbox,
      handOver,
      logger,
      metrics,
      poison: createPoisonMeter(0),
      stopping: stopping.signal,
      ...options,
    });
    const deliver = (...list: Ask[]) => batches.run(asks(contracts, list), { heartbeat });
    return { deliver, trouble: () => batches.trouble(), metrics, logger, handOver, heartbeat };
  }

  const orders = async () => {
    const { rows } = await database.owner.query<{ id: number; status: string }>(
      'SELECT order_id AS id, status FROM toy_orders ORDER BY 1',
    );
    return rows.map(({ id, status }) => `${id} ${status}`);
  };
  const parked = async () =>
    (await listDeadLetters(database.owner)).map(({ key, reason, error }) => ({
      key: String(key),
      reason,
      error,
    }));

  it('commits a batch and hands its messages over as the one outbox row that holds them', async () => {
    const { deliver, handOver, metrics } = runner();
    await deliver({ orderId: 1, tokens: 60 }, { orderId: 2, tokens: 60 }, { orderId: 3, tokens: 40 });
    expect(await orders()).toEqual(['1 done', '2 rejected', '3 done']);
    const { rows } = await database.owner.query<{ id: number; messages: string }>('SELECT * FROM outbox');
    expect(rows).toHaveLength(1);
    expect(handOver.mock.calls).toEqual([
      [{ id: rows[0]!.id, messages: JSON.parse(rows[0]!.messages) as unknown }],
    ]);
    expect(metrics.counts.get('step_facts_total{"step":"toy.take"}')).toBe(3);
  });

  it('hands nothing over when nothing came of a batch', async () => {
    const { deliver, handOver } = runner();
    await deliver({ orderId: 1 });
    await deliver({ orderId: 1 });
    expect(handOver).toHaveBeenCalledTimes(1);
  });

  it('halves a batch until the faulty message is alone, parks it, and does all others in their order', async () => {
    const { deliver, heartbeat } = runner();
    await deliver(
      { orderId: 1, tokens: 100 },
      { orderId: 2, plant: BUG },
      { orderId: 3 },
      { orderId: 4, plant: UNPAID },
      { orderId: 5 },
    );
    expect(await orders()).toEqual(['1 done', '3 rejected', '5 rejected']);
    expect(await parked()).toEqual([
      { key: '4', reason: 'REFUND_WITHOUT_CHARGE', error: 'MessageFault: never paid' },
      { key: '2', reason: 'FAULT', error: 'TypeError: a bug in decide' },
    ]);
    expect(heartbeat).toHaveBeenCalled();
  });

  it('takes an integrity error for the message’s fault only after three more tries', async () => {
    const { deliver, metrics } = runner();
    await deliver({ orderId: 1, tokens: 13 });
    expect(metrics.counts.get('step_retries_total{"step":"toy.take","kind":"constraint"}')).toBe(3 + 1);
    expect(await parked()).toMatchObject([{ key: '1', reason: 'FAULT' }]);
    expect(await orders()).toEqual([]);
  });

  it('runs a batch again that lost a race for a fence, and parks nothing', async () => {
    const { deliver, metrics, handOver } = runner();
    const winner = await database.owner.connect();
    await winner.query(`BEGIN; INSERT INTO toy_orders VALUES (1, 'rejected')`);
    const delivered = deliver({ orderId: 1 }, { orderId: 2 });
    await waitUntil(() => database.someoneWaits(), { what: 'the wait for the fence' });
    await winner.query('COMMIT');
    winner.release();
    await delivered;
    expect(metrics.counts.get('step_retries_total{"step":"toy.take","kind":"lost-race"}')).toBe(1);
    expect(await orders()).toEqual(['1 rejected', '2 done']);
    expect(handOver.mock.calls[0]?.[0].messages.map(({ key }) => key)).toEqual(['2']);
    expect(await parked()).toEqual([]);
  });

  it('says so when races do not end, backs off and never parks', async () => {
    await database.owner.query(`INSERT INTO toy_orders VALUES (1, 'done')`);
    const blind = toyStep(contracts);
    const step = { ...blind, load: async () => ({ handled: new Set<number>(), tokens: new Map([[1, 5]]) }) };
    const { deliver, trouble, metrics } = runner({ step: step as unknown as Step });
    const delivered = deliver({ orderId: 1 });
    await waitUntil(() => trouble() === 'races without end');
    expect(metrics.counts.get('step_retries_total{"step":"toy.take","kind":"lost-race"}')).toBeGreaterThan(
      10,
    );
    stopping.abort();
    await expect(delivered).rejects.toMatchObject({ code: 'ABANDONED' });
    expect(await parked()).toEqual([]);
  });

  it('waits for a database that went away, with heartbeats, and says so until it is back', async () => {
    const { deliver, trouble, heartbeat, logger } = runner();
    await deliver({ orderId: 1 });
    heartbeat.mockClear();
    await database.takeAway();
    const delivered = deliver({ orderId: 2 });
    await waitUntil(() => heartbeat.mock.calls.length >= 3);
    expect(trouble()).toBe('a backend is away');
    expect(logger.warn).toHaveBeenCalledTimes(1);
    await database.bringBack();
    await delivered;
    expect(trouble()).toBeNull();
    expect(await orders()).toEqual(['1 done', '2 done']);
  });

  it('finishes on a new connection when its backend is killed in the middle', async () => {
    let cut = false;
    const pool = watchPool(database.pool, async ({ text, run }) => {
      const result = await run();
      if (text.startsWith('INSERT INTO toy_orders') && !cut) {
        cut = true;
        await database.cutConnections();
      }
      return result;
    });
    const { deliver, metrics } = runner({ pool });
    await deliver({ orderId: 1, tokens: 7 });
    expect(metrics.counts.get('step_retries_total{"step":"toy.take","kind":"retry"}')).toBeGreaterThan(0);
    const { rows } = await database.owner.query('SELECT sum(tokens)::int AS tokens FROM toy_takings');
    expect(rows).toEqual([{ tokens: 7 }]);
  });

  it('waits for a lock that another holds too long', async () => {
    const { deliver, metrics } = runner();
    const holder = await database.owner.connect();
    await holder.query('BEGIN; SELECT * FROM toy_users FOR UPDATE');
    const delivered = deliver({ orderId: 1 });
    await waitUntil(() => metrics.counts.get('step_retries_total{"step":"toy.take","kind":"retry"}'));
    await holder.query('COMMIT');
    holder.release();
    await delivered;
    expect(await orders()).toEqual(['1 done']);
    expect(await parked()).toEqual([]);
  });

  it('gives a batch up uncommitted when its partitions are taken away', async () => {
    const { deliver, heartbeat } = runner();
    heartbeat.mockRejectedValue(new Error('REBALANCE_IN_PROGRESS'));
    await database.takeAway();
    await expect(deliver({ orderId: 1 })).rejects.toThrow('REBALANCE_IN_PROGRESS');
    await database.bringBack();
    expect(await orders()).toEqual([]);
  });

  it('gives a batch up when the process stops', async () => {
    const { deliver, trouble } = runner();
    await database.takeAway();
    const delivered = deliver({ orderId: 1 });
    await waitUntil(() => trouble() !== null);
    stopping.abort();
    await expect(delivered).rejects.toMatchObject({ code: 'ABANDONED' });
    await database.bringBack();
    expect(await orders()).toEqual([]);
  });

  it('parks a message also when that needs several tries, and is without trouble then', async () => {
    let failures = 2;
    const pool = watchPool(database.pool, async ({ text, run }) => {
      if (text.startsWith('INSERT INTO dead_letters') && failures > 0) {
        failures -= 1;
        throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
      }
      return run();
    });
    const { deliver, trouble } = runner({ pool });
    await deliver({ orderId: 1, plant: BUG });
    expect(failures).toBe(0);
    expect(await parked()).toMatchObject([{ key: '1', reason: 'FAULT' }]);
    expect(trouble()).toBeNull();
  });
});
