import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Kafka } from 'kafkajs';
import { LagReader } from './lag.ts';

describe('the rates of a step', () => {
  let time: number;
  let looks: number;
  let broker: { committed: number; low: number; high: number };
  let reader: LagReader;
  beforeEach(() => {
    [time, looks] = [1_000_000, 0];
    broker = { committed: -1, low: 0, high: 100 };
    const admin = {
      connect: async () => undefined,
      disconnect: async () => undefined,
      async fetchTopicOffsets() {
        looks += 1;
        return [{ partition: 0, high: String(broker.high), low: String(broker.low) }];
      },
      fetchOffsets: async () => [
        { topic: 'asked', partitions: [{ partition: 0, offset: String(broker.committed) }] },
      ],
    };
    const kafka = { admin: () => admin } as unknown as Kafka;
    reader = new LagReader({ kafka, steps: [{ name: 'toy.take', topics: ['asked'] }], now: () => time });
  });
  const after = async (seconds: number, now: Partial<typeof broker> = {}) => {
    time += seconds * 1_000;
    Object.assign(broker, now);
    return (await reader.read())[0];
  };

  it('are unknown before there are two looks to compare', async () => {
    expect(await after(0)).toMatchObject({ lag: 100, ratePerSecond: null, catchUpSeconds: null });
  });

  it('are looked up once a second at most, and once for all who ask meanwhile', async () => {
    await Promise.all([reader.read(), reader.read()]);
    expect(await after(0.5, { committed: 100 })).toMatchObject({ lag: 100 });
    expect(looks).toBe(1);
  });

  it('tell when the step has caught up, by what it gains', async () => {
    await after(0);
    // 40 read and 20 written in 10 s: 80 are left at a net gain of 2 a second.
    expect(await after(10, { committed: 40, high: 120 })).toMatchObject({
      lag: 80,
      ratePerSecond: 4,
      catchUpSeconds: 40,
    });
  });

  it('have no end while more is written than read, and none is needed when nothing is left', async () => {
    await after(0);
    expect(await after(10, { committed: 10, high: 500 })).toMatchObject({ lag: 490, catchUpSeconds: null });
    expect(await after(10, { committed: 500 })).toMatchObject({ lag: 0, catchUpSeconds: 0 });
  });

  it('are those of the last half minute, not of the whole time someone looks on', async () => {
    await after(0, { committed: 0 });
    for (let second = 0; second < 60; second += 10) await after(10);
    expect(await after(10, { committed: 60 })).toMatchObject({ ratePerSecond: 2 });
    expect(await after(30)).toMatchObject({ ratePerSecond: 0 });
  });

  it('forget what is older than two minutes', async () => {
    await after(0, { committed: 0 });
    expect(await after(500, { committed: 100 })).toMatchObject({ ratePerSecond: null });
  });

  it('do not take messages that are gone by age for a backlog', async () => {
    expect(await after(0, { committed: 10, low: 90 })).toMatchObject({ lag: 10, committedOffset: '10' });
  });
});
