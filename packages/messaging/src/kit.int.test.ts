import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BalanceCharged } from '@orderflow/shared-events/user-balance';
import { TOPICS } from '@orderflow/shared-events/catalog';
import { toMessage } from '@orderflow/testing/events';
import { createTcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { Kit, type KitOptions } from './kit.ts';
import { noMetrics } from './kit-metrics.ts';
import { commitWithOutbox, messageOutbox } from './outbox.ts';
import { quietLogger } from './quiet-logger.test.ts';
import { topicsOf, type Step } from './step.ts';
import {
  asked,
  openToyDatabase,
  resetToy,
  toyContracts,
  toyStep,
  type ToyContracts,
  type ToyDatabase,
} from './toy-step.test.ts';

jest.setTimeout(60_000);

describe('the kit', () => {
  let database: ToyDatabase;
  let broker: BrokerWitness;
  let contracts: ToyContracts;
  beforeAll(async () => {
    [database, broker] = await Promise.all([openToyDatabase(), witnessBroker()]);
  });
  beforeEach(async () => {
    await resetToy(database);
    contracts = toyContracts(ownName(''));
    await broker.createTopics([contracts.asked.topic]);
  });
  afterAll(async () => {
    await Promise.all([broker.close(), database.close()]);
  });

  const build = (options: Partial<KitOptions> = {}): Kit =>
    new Kit({
      service: 'toy',
      databaseUrl: database.url,
      brokers: broker.brokers,
      topics: TOPICS,
      outbox: messageOutbox,
      steps: [],
      logger: quietLogger(),
      metrics: noMetrics,
      poisonPerMinute: 20,
      onFatal: () => undefined,
      ...options,
    });
  const publish = (kit: Kit, orderId: number) =>
    commitWithOutbox(kit.write, async () => ({
      result: orderId,
      messages: [toMessage(asked(contracts, { orderId }), contracts.asked)],
    }));
  const published = async () => {
    const offsets = await broker.admin.fetchTopicOffsets(contracts.asked.topic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };
  const outboxEmpty = async () => (await database.owner.query('SELECT 1 FROM outbox')).rows.length === 0;

  it('publishes what a write outside a step commits, and nothing of one that fails', async () => {
    const kit = build();
    try {
      await kit.start();
      expect(await publish(kit, 1)).toBe(1);
      const failing = commitWithOutbox(kit.write, async (tx) => {
        await tx.query('INSERT INTO toy_diary VALUES ($1)', ['lost']);
        throw new Error('refused');
      });
      await expect(failing).rejects.toThrow('refused');
      await waitUntil(outboxEmpty);
      expect(await published()).toBe(1);
      expect(kit.checks()).toEqual([{ name: 'relay', ok: true }]);
    } finally {
      await kit.stop();
    }
  });

  it('runs a step from its topic to the topics of its answers, once, and says when it is ready', async () => {
    const step = toyStep(contracts, ownName('toy.take')) as unknown as Step;
    await broker.createTopics([contracts.taken.topic, contracts.refused.topic]);
    const topics = [{ name: contracts.asked.topic, consumers: [step.name], partitions: 6 }];
    const kit = build({ steps: [{ step }], topics });
    try {
      expect(kit.checks()).toContainEqual({ name: step.name, ok: false, detail: 'has not joined its group' });
      await kit.start();
      await waitUntil(() => kit.checks().every(({ ok }) => ok), { what: 'readiness' });
      for (let orderId = 1; orderId <= 110; orderId += 1) await publish(kit, orderId);
      const count = async (topic: string) =>
        (await broker.admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
      await waitUntil(
        async () => (await count(contracts.taken.topic)) + (await count(contracts.refused.topic)) === 110,
      );
      expect([await count(contracts.taken.topic), await count(contracts.refused.topic)]).toEqual([100, 10]);
      await waitUntil(outboxEmpty);
      expect([kit.resume(step.name), kit.live()]).toEqual([true, [{ name: 'messaging', ok: true }]]);
    } finally {
      await kit.stop();
    }
  });

  it('starts without a broker and is there when the broker is; what was committed meanwhile is published', async () => {
    const [host = '', port] = broker.brokers[0]!.split(':');
    const proxy = await createTcpProxy({ host, port: Number(port) });
    proxy.cut();
    const logger = quietLogger();
    const kit = build({ brokers: [`127.0.0.1:${proxy.port}`], logger });
    try {
      const started = kit.start();
      await waitUntil(() => logger.warn.mock.calls.some(([, text]) => text === 'waiting for Kafka: relay'), {
        timeoutMs: 30_000,
      });
      await publish(kit, 1);
      proxy.heal();
      await started;
      await waitUntil(outboxEmpty);
      expect(await published()).toBe(1);
    } finally {
      await kit.stop();
      await proxy.close();
    }
  });

  it('can be stopped while it still waits for a broker', async () => {
    const kit = build({ brokers: ['127.0.0.1:1'] });
    const started = kit.start();
    await kit.stop();
    await started;
  });

  it('publishes what it holds when it stops, and leaves no connection open', async () => {
    const kit = build({ service: 'toy-that-ends' });
    await kit.start();
    await publish(kit, 1);
    await kit.stop();
    expect([await published(), await outboxEmpty()]).toEqual([1, true]);
    await waitUntil(async () => {
      const { rows } = await database.owner.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'toy-that-ends'`,
      );
      return rows.length === 0;
    });
  });

  it('refuses a step that the catalog does not know, or whose topics are not the catalog’s', () => {
    const step = toyStep(contracts) as unknown as Step;
    expect(() => build({ steps: [{ step }] })).toThrow('the catalog says nothing');
    const misread = { ...step, name: 'payment.pay' };
    expect(() => build({ steps: [{ step: misread }] })).toThrow(
      /reads toy-asked.*the catalog says balance-charged/,
    );
  });

  it('takes a step that reads two versions of a topic, and reads the topic once', async () => {
    const on = [BalanceCharged, { ...BalanceCharged, version: 2 }];
    const step = { ...toyStep(contracts), name: 'payment.pay', on } as unknown as Step;
    await build({ steps: [{ step }] }).stop();
    expect(topicsOf(step)).toEqual(['balance-charged']);
  });

  it('is not ready before its steps have joined, and resumes a step by name, joined or not', async () => {
    const step = { ...toyStep(contracts), name: 'payment.pay', on: [BalanceCharged] } as unknown as Step;
    const kit = build({ steps: [{ step }] });
    try {
      expect(kit.checks()).toContainEqual({
        name: 'payment.pay',
        ok: false,
        detail: 'has not joined its group',
      });
      expect([kit.resume('payment.pay'), kit.resume('payment.unknown')]).toEqual([true, false]);
    } finally {
      await kit.stop();
    }
  });
});
