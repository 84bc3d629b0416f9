import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { ConsumerConfig, Kafka, ProducerConfig } from 'kafkajs';
import {
  createKafka,
  createRelayProducer,
  createStepConsumer,
  restartBudget,
  RESTARTS_MAX,
  type KitLogger,
} from './kafka-client.ts';

interface Written {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

function memoryLogger(): { logger: KitLogger; lines: Written[] } {
  const lines: Written[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return {
    logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    lines,
  };
}

/** Answers with the configuration it was asked to build from. */
function recorder(): { kafka: Kafka; asked: { producer?: ProducerConfig; consumer?: ConsumerConfig } } {
  const asked: { producer?: ProducerConfig; consumer?: ConsumerConfig } = {};
  const kafka = {
    producer: (config: ProducerConfig) => (asked.producer = config),
    consumer: (config: ConsumerConfig) => (asked.consumer = config),
  };
  return { kafka: kafka as unknown as Kafka, asked };
}

describe('a relay producer', () => {
  const { kafka, asked } = recorder();
  createRelayProducer(kafka);

  it('is not idempotent: kafkajs may drop an acknowledged event then (issue 1005)', () => {
    expect(asked.producer).toMatchObject({ idempotent: false });
    expect(asked.producer).not.toHaveProperty('transactionalId');
  });

  it('has one send in flight a broker', () => {
    expect(asked.producer).toMatchObject({ maxInFlightRequests: 1 });
  });

  it('creates no topics', () => {
    expect(asked.producer).toMatchObject({ allowAutoTopicCreation: false });
  });
});

describe('a step consumer', () => {
  const { kafka, asked } = recorder();
  createStepConsumer(kafka, 'coupon.apply');

  it('has the name of its step for its group', () => {
    expect(asked.consumer).toMatchObject({ groupId: 'coupon.apply' });
  });

  it('is missed by its group after 6 s, and is not when it is alive', () => {
    expect(asked.consumer).toMatchObject({
      sessionTimeout: 6_000,
      heartbeatInterval: 1_500,
      rebalanceTimeout: 10_000,
    });
  });

  it('waits for messages no longer than a rebalance may, and takes the first that comes', () => {
    const { maxWaitTimeInMs = 0, minBytes } = asked.consumer ?? {};
    expect(maxWaitTimeInMs).toBeGreaterThanOrEqual(500);
    expect(maxWaitTimeInMs).toBeLessThanOrEqual(1_500);
    expect(minBytes).toBe(1);
  });

  it("fetches the broker's largest message from any partition", () => {
    const LARGEST_MESSAGE_BYTES = 1_048_588;
    expect(asked.consumer?.maxBytesPerPartition).toBeGreaterThan(LARGEST_MESSAGE_BYTES);
  });

  it('creates no topics', () => {
    expect(asked.consumer).toMatchObject({ allowAutoTopicCreation: false });
  });

  it('stops restarting itself, so that its process can be seen to fail', async () => {
    const answers = [];
    for (let i = 0; i <= RESTARTS_MAX; i++) {
      answers.push(await asked.consumer?.retry?.restartOnFailure?.(new Error('gone')));
    }
    expect(answers).toEqual([...Array<boolean>(RESTARTS_MAX).fill(true), false]);
  });
});

describe('the restart budget', () => {
  it('comes back as restarts grow old', () => {
    let time = 0;
    const mayRestart = restartBudget(2, 1_000, () => time);
    expect([mayRestart(), mayRestart(), mayRestart()]).toEqual([true, true, false]);
    time = 999;
    expect(mayRestart()).toBe(false);
    time = 1_000;
    expect([mayRestart(), mayRestart(), mayRestart()]).toEqual([true, true, false]);
  });
});

describe('the Kafka client', () => {
  const brokers = ['127.0.0.1:1'];

  it('warns of a consumer that failed, and keeps the attempts that kafkajs repeats for debugging', () => {
    const { logger, lines } = memoryLogger();
    const theirs = createKafka({ clientId: 'order', brokers, logger }).logger();
    theirs.namespace('Consumer').error('Crash: gone', { groupId: 'coupon.apply' });
    theirs.namespace('Connection').error('Connection error: refused', { broker: 'b' });
    theirs.namespace('Runner').info('joined');
    expect(lines).toEqual([
      { level: 'warn', fields: { kafkajs: 'Consumer', groupId: 'coupon.apply' }, message: 'Crash: gone' },
      {
        level: 'debug',
        fields: { kafkajs: 'Connection', broker: 'b' },
        message: 'Connection error: refused',
      },
      { level: 'debug', fields: { kafkajs: 'Runner' }, message: 'joined' },
    ]);
  });

  it('has our record codec, unless told otherwise', () => {
    const produce = createRequire(import.meta.url)('kafkajs/src/protocol/requests/produce') as {
      protocol: unknown;
    };
    const { logger } = memoryLogger();
    createKafka({ clientId: 'order', brokers, logger });
    const ours = produce.protocol;
    createKafka({ clientId: 'order', brokers, logger, ownCodec: false });
    expect(produce.protocol).not.toBe(ours);
  });

  it('has no idle timer', () => {
    const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: object };
    createKafka({ clientId: 'order', brokers, logger: memoryLogger().logger });
    expect(queue.prototype).toHaveProperty('scheduleCheckPendingRequests.name', 'scheduleWhenPending');
  });

  it('gives up on a broker that is not there', async () => {
    const { logger } = memoryLogger();
    const admin = createKafka({ clientId: 'order', brokers, logger }).admin();
    await expect(admin.connect()).rejects.toThrow('ECONNREFUSED');
  });
});
