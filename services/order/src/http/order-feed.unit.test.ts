import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@orderflow/service-runtime/logger';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { OrderStatus } from '../domain/order.ts';
import type { OrderMoment } from '../store/reading.ts';
import type { ChangeChannel } from './change-channel.ts';
import { OrderFeed } from './order-feed.ts';

const PACE_MS = 5;
const NEVER_MS = 1_000_000;

describe('the feed of orders', () => {
  /** The database: what is read is what is here when the read ends. */
  let statuses: Map<number, OrderStatus>;
  /** The ids of each read so far. */
  let reads: number[][];
  /** A read ends when this does; that of `oneRead` at once. */
  let database: Promise<void>;
  let told: number[][];
  let hear: { onChange: (ids: readonly number[]) => void; onGap: () => void } | null;
  let isLive: boolean;
  let feeds: OrderFeed[];
  const stays = new AbortController().signal;

  beforeEach(() => {
    statuses = new Map([[999, 'CREATED']]);
    reads = [];
    database = Promise.resolve();
    told = [];
    hear = null;
    isLive = true;
    feeds = [];
  });
  afterEach(() => feeds.forEach((feed) => feed.close()));

  const channel: ChangeChannel = {
    tell: (ids) => void told.push([...ids]),
    listen: (onChange, onGap) => (hear = { onChange, onGap }),
    isLive: () => isLive,
    close: () => undefined,
  };

  function feedOf(timing: { pollMs?: number; pollUnheardMs?: number } = {}): OrderFeed {
    const feed = new OrderFeed({
      read: async (known) => {
        reads.push([...known.keys()]);
        const seen = [...known].flatMap(([id, status]) => {
          const now = statuses.get(id);
          return now === undefined || now === status ? [] : [momentOf(id, now)];
        });
        if (!known.has(999)) await database;
        return seen;
      },
      channel,
      logger: createLogger({ service: 'test', level: 'silent' }),
      timing: { paceMs: PACE_MS, pollMs: NEVER_MS, pollUnheardMs: NEVER_MS, ...timing },
    });
    feeds.push(feed);
    return feed;
  }

  function momentOf(id: number, status: OrderStatus): OrderMoment {
    const time = new Date(0);
    return {
      id: BigInt(id),
      eventId: BigInt(id * 10),
      userId: 1n,
      status,
      couponId: null,
      originalAmount: null,
      discountAmount: null,
      totalAmount: null,
      failureReason: null,
      products: [],
      createdAt: time,
      updatedAt: time,
      paidAt: null,
    };
  }

  /** Holds reads up until the function it returns is called. */
  function holdReads(): () => void {
    let release: () => void = () => undefined;
    database = new Promise((resolve) => (release = resolve));
    return () => release();
  }

  const statusOf = async (next: Promise<{ order: { status: string } } | null>) =>
    (await next)?.order.status ?? null;

  /** Whether a promise is still open after one more read of the feed's. */
  async function isOpenAfterARead(feed: OrderFeed, promise: Promise<unknown>): Promise<boolean> {
    let isOpen = true;
    void promise.then(() => (isOpen = false));
    await oneRead(feed);
    return isOpen;
  }

  async function oneRead(feed: OrderFeed): Promise<void> {
    const watch = feed.watch(999, null, stays);
    await watch.next();
    watch.end();
  }

  it('tells the order as it is, then each later status it hears of', async () => {
    statuses.set(1, 'STOCK_RESERVED');
    const feed = feedOf();
    const watch = feed.watch(1, null, stays);
    expect(await watch.next()).toMatchObject({ eventId: 10, order: { id: 1, status: 'STOCK_RESERVED' } });
    statuses.set(1, 'PAID');
    feed.changed([1]);
    expect(await statusOf(watch.next())).toBe('PAID');
  });

  it('tells who knows a status only later ones', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf();
    const watch = feed.watch(1, 'CREATED', stays);
    const next = watch.next();
    expect(await isOpenAfterARead(feed, next)).toBe(true);
    statuses.set(1, 'CANCELLED');
    feed.changed([1]);
    expect(await statusOf(next)).toBe('CANCELLED');
  });

  it('gives the newest state to who comes late to take it, and none twice', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf();
    const watch = feed.watch(1, null, stays);
    await waitUntil(() => reads.length === 1);
    for (const status of ['STOCK_RESERVED', 'BALANCE_CHARGED'] as const) {
      statuses.set(1, status);
      const before = reads.length;
      feed.changed([1]);
      await waitUntil(() => reads.length > before);
    }
    expect(await statusOf(watch.next())).toBe('BALANCE_CHARGED');
    feed.changed([1]);
    expect(await isOpenAfterARead(feed, watch.next())).toBe(true);
  });

  it('tells null of an order that is not there, and when the watch has ended', async () => {
    const feed = feedOf();
    expect(await feed.watch(404, null, stays).next()).toBeNull();
    const gone = new AbortController();
    const watch = feed.watch(1, 'CREATED', gone.signal);
    const next = watch.next();
    gone.abort();
    expect([await next, await watch.next()]).toEqual([null, null]);
    expect(await feed.watch(1, null, AbortSignal.abort()).next()).toBeNull();
  });

  it('reads all that changed meanwhile in one go, never two reads at once, and nothing that nobody watches', async () => {
    const feed = feedOf();
    for (let id = 1; id <= 100; id += 1) {
      statuses.set(id, 'CREATED');
      feed.watch(id, null, stays);
    }
    const release = holdReads();
    await waitUntil(() => reads.length === 1);
    expect(reads[0]).toHaveLength(100);
    for (let round = 0; round < 10; round += 1) feed.changed([1, 2, 2, 3, 1_000]);
    expect(told[0]).toEqual([1, 2, 3, 1_000]);
    // The time of two reads of another feed.
    await oneRead(feedOf());
    await oneRead(feedOf());
    expect(reads.slice(1)).toEqual([[999], [999]]);
    release();
    await waitUntil(() => reads.length === 4);
    expect(reads[3]).toEqual([1, 2, 3]);
    feed.changed([1_000]);
    await oneRead(feed);
    expect(reads[4]).toEqual([999]);
  });

  it('does not answer who joins from a read that had begun before: it may not show the joiner’s own write', async () => {
    statuses.set(1, 'PAID');
    const feed = feedOf();
    const release = holdReads();
    const early = feed.watch(1, null, stays);
    await waitUntil(() => reads.length === 1);
    statuses.set(1, 'CANCELLING');
    const late = feed.watch(1, null, stays);
    release();
    expect(await statusOf(early.next())).toBe('PAID');
    expect(await statusOf(late.next())).toBe('CANCELLING');
    expect(await statusOf(early.next())).toBe('CANCELLING');
  });

  it('tells who joins during a read the status that this very read brought the others', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf();
    const release = holdReads();
    const early = feed.watch(1, null, stays);
    await waitUntil(() => reads.length === 1);
    const late = feed.watch(1, null, stays);
    release();
    expect([await statusOf(early.next()), await statusOf(late.next())]).toEqual(['CREATED', 'CREATED']);
  });

  it('tells who joins later the status that others have been told already', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf();
    const first = feed.watch(1, null, stays);
    await first.next();
    expect(await statusOf(feed.watch(1, null, stays).next())).toBe('CREATED');
    expect(await isOpenAfterARead(feed, first.next())).toBe(true);
  });

  it('hears the changes of other instances, and looks at everything after a gap', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf();
    const watch = feed.watch(1, null, stays);
    await watch.next();
    statuses.set(1, 'STOCK_RESERVED');
    hear?.onChange([7, 1]);
    expect(await statusOf(watch.next())).toBe('STOCK_RESERVED');
    statuses.set(1, 'PAID');
    hear?.onGap();
    expect(await statusOf(watch.next())).toBe('PAID');
    // What was heard is not passed on.
    expect(told).toEqual([]);
  });

  it('finds by itself what nobody told, sooner while others cannot be heard', async () => {
    const feed = feedOf({ pollMs: NEVER_MS, pollUnheardMs: 20 });
    statuses.set(1, 'CREATED');
    const watch = feed.watch(1, null, stays);
    await watch.next();
    statuses.set(1, 'PAID');
    const next = watch.next();
    expect(await isOpenAfterARead(feed, next)).toBe(true);
    isLive = false;
    expect(await statusOf(next)).toBe('PAID');
    isLive = true;
    const calm = feedOf({ pollMs: 60, pollUnheardMs: 20 });
    statuses.set(2, 'CREATED');
    const slow = calm.watch(2, null, stays);
    await slow.next();
    statuses.set(2, 'PAID');
    expect(await statusOf(slow.next())).toBe('PAID');
  });

  it('reads nothing any more when nobody watches', async () => {
    const quick = { pollMs: 20, pollUnheardMs: 10 };
    const readsOf = (id: number) => reads.filter((ids) => ids.includes(id)).length;
    const watch = feedOf(quick).watch(1, 'CREATED', stays);
    feedOf(quick).watch(2, 'CREATED', stays);
    await waitUntil(() => readsOf(1) >= 3);
    watch.end();
    const before = readsOf(1);
    const until = readsOf(2) + 5;
    await waitUntil(() => readsOf(2) >= until, { what: 'five polls of the other feed' });
    expect(readsOf(1)).toBe(before);
  });

  it('fails who knows nothing yet while the database is away, and goes on for the others when it is back', async () => {
    statuses.set(1, 'CREATED');
    const feed = feedOf({ pollMs: NEVER_MS, pollUnheardMs: 20 });
    const watch = feed.watch(1, null, stays);
    await watch.next();
    const away = Promise.reject(new Error('away'));
    away.catch(() => undefined);
    database = away;
    statuses.set(1, 'PAID');
    feed.changed([1]);
    const next = watch.next();
    await expect(feed.watch(2, null, stays).next()).rejects.toThrow('away');
    await waitUntil(() => reads.length >= 4, { what: 'further tries' });
    database = Promise.resolve();
    expect(await statusOf(next)).toBe('PAID');
  });

  it('ends all watches when it is closed', async () => {
    const feed = feedOf();
    const next = feed.watch(1, 'CREATED', stays).next();
    feed.close();
    expect(await next).toBeNull();
  });
});
