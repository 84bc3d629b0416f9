import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Consumer, Kafka } from 'kafkajs';
import { messageOutbox } from './outbox.ts';
import { createPoisonMeter } from './poison.ts';
import { quietLogger } from './quiet-logger.test.ts';
import { StepConsumer } from './step-consumer.ts';
import { countingMetrics, toyStep } from './toy-step.test.ts';

const LIMIT_MS = 90_000;

/** A consumer that does nothing but say what kafkajs' would say. */
function scriptedKafka() {
  const emitter = new EventEmitter();
  const nothing = () => Promise.resolve();
  const consumer = {
    events: { GROUP_JOIN: 'join', FETCH_START: 'fetch-start', FETCH: 'fetch', CRASH: 'crash' },
    on: (name: string, listener: (event: object) => void) => emitter.on(name, listener),
    connect: nothing,
    subscribe: nothing,
    run: nothing,
    stop: nothing,
    disconnect: nothing,
    commitOffsets: nothing,
    pause: jest.fn(),
    resume: jest.fn(),
  };
  return {
    kafka: { consumer: () => consumer as unknown as Consumer } as unknown as Kafka,
    says: (name: keyof typeof consumer.events, payload: object = {}) =>
      emitter.emit(consumer.events[name], { payload }),
  };
}

describe('the watch over a step', () => {
  let consumer: StepConsumer;
  let logger: ReturnType<typeof quietLogger>;
  let says: ReturnType<typeof scriptedKafka>['says'];
  const onFatal = jest.fn<(reason: string) => void>();

  beforeEach(() => {
    jest.useFakeTimers();
    onFatal.mockClear();
    logger = quietLogger();
    const { kafka, says: speak } = scriptedKafka();
    says = speak;
    consumer = new StepConsumer({
      step: toyStep(),
      pool: { connect: () => Promise.reject(new Error('no database here')) },
      outbox: messageOutbox,
      handOver: () => undefined,
      logger,
      metrics: countingMetrics(),
      poison: createPoisonMeter(0),
      stopping: new AbortController().signal,
      kafka,
      partitions: 6,
      onFatal,
    });
  });
  afterEach(async () => {
    await consumer.stop();
    jest.useRealTimers();
  });

  it('asks for a new process when nothing was fetched for 90 s: a half-open connection hangs for ever', () => {
    says('GROUP_JOIN');
    says('FETCH_START');
    jest.advanceTimersByTime(LIMIT_MS);
    expect(onFatal).not.toHaveBeenCalled();
    jest.advanceTimersByTime(5_000);
    expect(onFatal).toHaveBeenCalledWith('toy.take: no fetch for 95 s');
    // The process ends there: nobody else says why.
    const fields = { step: 'toy.take', reason: 'no fetch for 95 s' };
    expect(logger.error).toHaveBeenCalledWith(fields, 'only a new process can go on: this one ends');
  });

  it('does not take a clock that is set for silence', () => {
    says('GROUP_JOIN');
    says('FETCH');
    jest.setSystemTime(Date.now() + 24 * 3_600_000);
    jest.advanceTimersByTime(LIMIT_MS);
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('counts each fetch, empty or not, as life', () => {
    says('GROUP_JOIN');
    for (let fetches = 0; fetches < 10; fetches += 1) {
      jest.advanceTimersByTime(LIMIT_MS - 10_000);
      says('FETCH');
    }
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('lets a consumer look for its group for as long as that takes', () => {
    jest.advanceTimersByTime(10 * LIMIT_MS);
    expect(onFatal).not.toHaveBeenCalled();
    expect(consumer.trouble()).toBe('has not joined its group');
  });

  it('leaves a crash that kafkajs restarts from alone, and asks for a new process after one it does not', () => {
    says('GROUP_JOIN');
    says('CRASH', { error: new Error('gone'), restart: true });
    expect(onFatal).not.toHaveBeenCalled();
    says('CRASH', { error: new Error('gone'), restart: false });
    expect(onFatal).toHaveBeenCalledWith('toy.take: gone');
  });
});
