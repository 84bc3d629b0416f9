import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { stopIdleTimer } from './idle-timer.ts';

interface Queue {
  throttledUntil: number;
  push: (request: object) => void;
  fulfillRequest: (response: object) => void;
  maybeThrottle: (ms: number) => void;
}
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  o: object,
) => Queue;

const quiet = { debug: () => undefined, warn: () => undefined };

function newQueue(): { queue: Queue; sent: number[]; push: (correlationId: number) => void } {
  const queue = new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 10_000, logger: quiet });
  const sent: number[] = [];
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  return { queue, sent, push };
}

function answer(queue: Queue, correlationId: number): void {
  queue.fulfillRequest({ correlationId, payload: null, size: 0 });
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a kafkajs connection', () => {
  // The first test is the reason for the others: it has to run before the patch.
  it('re-arms a timer each millisecond when idle, as kafkajs has it', () => {
    const { queue, push } = newQueue();
    push(1);
    answer(queue, 1);
    const armed = jest.spyOn(globalThis, 'setTimeout');
    jest.advanceTimersByTime(100);
    expect(armed.mock.calls.length).toBeGreaterThan(50);
    armed.mockRestore();
  });

  it('has no timer when idle, once patched', () => {
    stopIdleTimer();
    stopIdleTimer();
    const { queue, push } = newQueue();
    push(1);
    answer(queue, 1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('still sends what waited for an answer', () => {
    stopIdleTimer();
    const { queue, sent, push } = newQueue();
    push(1);
    push(2);
    expect(sent).toEqual([1]);
    answer(queue, 1);
    expect(sent).toEqual([1, 2]);
    answer(queue, 2);
    jest.advanceTimersByTime(50);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('still sends what waited for the end of a throttle', () => {
    stopIdleTimer();
    const { queue, sent, push } = newQueue();
    queue.maybeThrottle(500);
    push(1);
    jest.advanceTimersByTime(400);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(200);
    expect(sent).toEqual([1]);
  });
});
