import { describe, expect, it } from '@jest/globals';
import type { Startable } from './backend.ts';
import type { Exit, Running } from './child.ts';
import { backOffMs, supervise, type SupervisorEvent } from './supervisor.ts';

interface FakeRun extends Running {
  end(exit: Exit): void;
}

const KILLED: Exit = { code: null, signal: 'SIGKILL' };

function fakeRun(pid: number): FakeRun {
  const { promise, resolve } = withResolvers<Exit>();
  return {
    pid,
    exited: promise,
    end: resolve,
    stop: () => Promise.resolve(resolve({ code: 0, signal: null })),
  };
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A process whose runs the test ends by hand, and a wait for the events it causes. */
function fakeProcess(missing: () => string | null = () => null) {
  const runs: FakeRun[] = [];
  const events: SupervisorEvent[] = [];
  const waiting: Array<{ kind: string; count: number; resolve: (value: null) => void }> = [];
  const startable: Startable = {
    name: 'order',
    log: '/nowhere/order.log',
    readyLimitMs: 1000,
    check: () => Promise.resolve(missing()),
    launch: () => {
      const run = fakeRun(runs.length + 1);
      runs.push(run);
      return run;
    },
  };
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  const report = (event: SupervisorEvent) => {
    events.push(event);
    for (const wait of waiting) if (count(wait.kind) >= wait.count) wait.resolve(null);
  };
  const seen = (kind: SupervisorEvent['kind'], wanted: number) => {
    const { promise, resolve } = withResolvers<null>();
    waiting.push({ kind, count: wanted, resolve });
    if (count(kind) >= wanted) resolve(null);
    return promise;
  };
  return { startable, runs, events, report, seen };
}

describe('backOffMs', () => {
  it('doubles from 250 ms to 10 s and stays there', () => {
    expect([1, 2, 3, 6, 7, 40].map(backOffMs)).toEqual([250, 500, 1000, 8000, 10_000, 10_000]);
  });
});

describe('supervise', () => {
  const signal = new AbortController().signal;

  it('starts a process again when it dies, says so, and says when it is ready again', async () => {
    const { startable, runs, events, report, seen } = fakeProcess();
    const supervised = await supervise(startable, { report, signal });
    runs[0]?.end(KILLED);
    await seen('ready-again', 1);
    expect(events).toMatchObject([
      { kind: 'launched', pid: 1 },
      { kind: 'died', name: 'order', how: 'signal SIGKILL', retryInMs: 250 },
      { kind: 'launched', pid: 2 },
      { kind: 'ready-again', name: 'order' },
    ]);
    await supervised.stop();
  });

  it('waits longer before each further start of a process that keeps dying', async () => {
    const { startable, runs, events, report, seen } = fakeProcess();
    const supervised = await supervise(startable, { report, signal });
    runs[0]?.end(KILLED);
    await seen('launched', 2);
    runs[1]?.end({ code: 1, signal: null });
    await seen('died', 2);
    await supervised.stop();
    expect(events.filter((event) => event.kind === 'died')).toMatchObject([
      { retryInMs: 250, how: 'signal SIGKILL' },
      { retryInMs: 500, how: 'exit code 1' },
    ]);
  });

  it('starts nothing again once it is stopped, not even out of a back-off', async () => {
    const { startable, runs, report, seen } = fakeProcess();
    const supervised = await supervise(startable, { report, signal });
    runs[0]?.end(KILLED);
    await seen('died', 1);
    await supervised.stop();
    expect(runs).toHaveLength(1);
  });

  it('fails when the process ends before it was ever ready, without a second try', async () => {
    const { startable, runs, report } = fakeProcess(() => 'database');
    const started = supervise(startable, { report, signal });
    runs[0]?.end({ code: 78, signal: null });
    await expect(started).rejects.toThrow('order ended while starting (exit code 78)');
    expect(runs).toHaveLength(1);
  });

  it('fails naming what is missing when the process is not ready in time', async () => {
    const { startable, report } = fakeProcess(() => 'migrations');
    await expect(supervise({ ...startable, readyLimitMs: 10 }, { report, signal })).rejects.toThrow(
      'order was not ready after 0.01 s: migrations',
    );
  });

  it('gives up a first start when the stack is stopped meanwhile', async () => {
    const { startable, report } = fakeProcess(() => 'database');
    const stopping = new AbortController();
    const started = supervise(startable, { report, signal: stopping.signal });
    stopping.abort(new Error('stopped'));
    await expect(started).rejects.toThrow('stopped');
  });
});
