import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, type Running } from './child.ts';
import { endLeftovers, isRunning } from './leftovers.ts';
import { startTimeOf } from './process-table.ts';
import { readStack, removeStack, writeStack, type Stack } from './stack-file.ts';
import { systemEnv } from './system-env.ts';

const STUBBORN = "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);";

let dir = '';
const started: Running[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'orderflow-leftovers-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.stop(0)));
  rmSync(dir, { recursive: true, force: true });
});

function startIdle(script = 'setInterval(() => undefined, 1000)'): Running {
  const child = startChild({
    command: process.execPath,
    args: ['-e', script],
    env: systemEnv(),
    log: join(dir, 'idle.log'),
  });
  started.push(child);
  return child;
}

function stackWith(pids: Record<string, number>, startTimes: Record<string, string>): Stack {
  const everywhere = { order: '', payment: '', product: '', coupon: '', 'user-balance': '' };
  return {
    gateway: 'http://127.0.0.1:8080',
    services: everywhere,
    internal: { ...everywhere, gateway: '' },
    databases: everywhere,
    kafka: { brokers: [] },
    redis: '',
    settings: { BALANCE_MAX: '1', PAYMENT_LIMIT: '1', SALES_TIME_ZONE: 'UTC' },
    pids,
    startTimes,
    launcher: { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' },
    readyAt: null,
  };
}

describe('endLeftovers', () => {
  it('ends a process that has the recorded pid and start time', async () => {
    const child = startIdle();
    const stack = stackWith({ order: child.pid }, { order: startTimeOf(child.pid) ?? '' });
    expect(await endLeftovers(stack)).toEqual(['order']);
    expect((await child.exited).signal).toBe('SIGTERM');
  });

  it('kills one that does not stop when asked', async () => {
    const child = startIdle(STUBBORN);
    const stack = stackWith({ order: child.pid }, { order: startTimeOf(child.pid) ?? '' });
    await endLeftovers(stack);
    await child.exited;
    expect(startTimeOf(child.pid)).toBeNull();
  });

  it('leaves a process alone that merely has the same pid', async () => {
    const child = startIdle();
    expect(await endLeftovers(stackWith({ order: child.pid }, { order: 'an-earlier-boot/1' }))).toEqual([]);
    expect(startTimeOf(child.pid)).not.toBeNull();
  });
});

describe('isRunning', () => {
  it('tells a live launcher from one whose pid another process has now', () => {
    const stack = stackWith({}, {});
    expect(isRunning(stack)).toBe(true);
    expect(isRunning({ ...stack, launcher: { pid: process.pid, startTime: 'an-earlier-boot/1' } })).toBe(
      false,
    );
  });
});

describe('the stack file', () => {
  it('comes back as it was written, readable to its owner alone, and is gone once removed', () => {
    const stack = stackWith({ kafka: 124 }, { kafka: 'boot/1' });
    expect(readStack(dir)).toBeNull();
    writeStack(dir, stack);
    expect(readStack(dir)).toEqual(stack);
    expect(statSync(join(dir, 'stack.json')).mode & 0o777).toBe(0o600);
    removeStack(dir);
    expect(readStack(dir)).toBeNull();
  });
});
