import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { calmIdleTimers } from './idle-timers.ts';

interface Queue {
  throttledUntil: number;
  push: (request: object) => void;
  fulfillRequest: (response: object) => void;
  maybeThrottle: (ms: number) => void;
  scheduleRequestTimeoutCheck: () => void;
}
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  o: object,
) => Queue;

const quiet = { debug: () => undefined, warn: () => undefined };

function newQueue() {
  const state = { connected: true };
  const queue = new RequestQueue({
    maxInFlightRequests: 1,
    requestTimeout: 10_000,
    enforceRequestTimeout: true,
    logger: quiet,
    isConnected: () => state.connected,
  });
  const sent: number[] = [];
  const rejected: number[] = [];
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => rejected.push(correlationId) },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  return { queue, sent, rejected, state, push };
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

  it('looks for overdue requests ten times a second, as kafkajs has it', () => {
    const { queue } = newQueue();
    const armed = jest.spyOn(globalThis, 'setInterval');
    queue.scheduleRequestTimeoutCheck();
    expect(armed.mock.calls.map(([, ms]) => ms)).toEqual([100]);
    armed.mockRestore();
  });

  it('has no timer when idle, once patched', () => {
    calmIdleTimers();
    calmIdleTimers();
    const { queue, push } = newQueue();
    push(1);
    answer(queue, 1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('still sends what waited for an answer', () => {
    calmIdleTimers();
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
    calmIdleTimers();
    const { queue, sent, push } = newQueue();
    queue.maybeThrottle(500);
    push(1);
    jest.advanceTimersByTime(400);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(200);
    expect(sent).toEqual([1]);
  });

  it('gives a request up within a second of its time-out, and no other', () => {
    calmIdleTimers();
    const { queue, rejected, push } = newQueue();
    queue.scheduleRequestTimeoutCheck();
    push(1);
    jest.advanceTimersByTime(9_900);
    expect(rejected).toEqual([]);
    jest.advanceTimersByTime(1_100);
    expect(rejected).toEqual([1]);
  });

  it('looks for overdue requests once a second, until the connection is gone', () => {
    calmIdleTimers();
    const { queue, state } = newQueue();
    const armed = jest.spyOn(globalThis, 'setInterval');
    queue.scheduleRequestTimeoutCheck();
    queue.scheduleRequestTimeoutCheck();
    expect(armed.mock.calls.map(([, ms]) => ms)).toEqual([1_000, 1_000]);
    expect(jest.getTimerCount()).toBe(1);
    state.connected = false;
    jest.advanceTimersByTime(1_000);
    expect(jest.getTimerCount()).toBe(0);
    armed.mockRestore();
  });
});
