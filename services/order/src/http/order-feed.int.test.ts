import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { isBackendAway } from '@orderflow/service-runtime/backend-away';
import { createLogger } from '@orderflow/service-runtime/logger';
import { readPool } from '@orderflow/service-runtime/read-pool';
import { createRedis, type RedisLink } from '@orderflow/service-runtime/redis';
import { redisUrl } from '@orderflow/testing/backends';
import { paymentCompleted, stockReserved } from '@orderflow/testing/events';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { waitUntil } from '@orderflow/testing/wait-until';
import { PrismaClient } from '../generated/prisma/client.ts';
import { openOrderService, type OrderService } from '../order-under-test.test.ts';
import { createOrderReader } from '../store/reading.ts';
import { createChangeChannel, type ChangeChannel } from './change-channel.ts';
import { OrderFeed, type OrderWatch } from './order-feed.ts';

const logger = createLogger({ service: 'order', level: 'silent' });
const stays = new AbortController().signal;

describe('orders watched on one instance and changed on another', () => {
  let way: TcpProxy;
  let links: RedisLink[];
  /** The instance that writes. */
  let orders: OrderService;
  /** The instance that watches. */
  let channel: ChangeChannel;
  let feed: OrderFeed;

  beforeAll(async () => {
    const { hostname, port } = new URL(await redisUrl());
    way = await createTcpProxy({ host: hostname, port: Number(port) });
    links = [0, 1].map(() => createRedis(`redis://127.0.0.1:${way.port}`, logger));
    for (const link of links) link.open();
    await waitUntil(() => links.every((link) => link.isUp()), { what: 'Redis' });
    orders = await openOrderService({ channel: createChangeChannel(links[0] as RedisLink, logger) });
  });
  afterAll(async () => {
    await orders.close();
    for (const link of links) link.close();
    await way.close();
  });
  beforeEach(async () => {
    await orders.clear();
    channel = createChangeChannel(links[1] as RedisLink, logger);
    feed = new OrderFeed({ read: orders.reader.changed, channel, logger });
  });
  afterEach(() => feed.close());

  async function watching(): Promise<{ id: number; watch: OrderWatch }> {
    const id = await orders.placed();
    const watch = feed.watch(id, null, stays);
    expect((await watch.next())?.order.status).toBe('CREATED');
    return { id, watch };
  }

  /** Milliseconds from the commit there to the news here. */
  async function newsTakes(change: Promise<unknown>, watch: OrderWatch, status: string): Promise<number> {
    const next = watch.next();
    await change;
    const committedAt = performance.now();
    expect((await next)?.order.status).toBe(status);
    return performance.now() - committedAt;
  }

  it('are told at once through Redis, long before the poll', async () => {
    const { id, watch } = await watching();
    await waitUntil(() => channel.isLive(), { what: 'the subscription' });
    // Bounds for a busy machine: the poll would take up to 1,000 ms, twice in a row seldom below 300 each.
    for (const [event, status] of [
      [stockReserved, 'STOCK_RESERVED'],
      [paymentCompleted, 'PAID'],
    ] as const) {
      expect(await newsTakes(orders.advance(event({ orderId: id })), watch, status)).toBeLessThan(300);
    }
  });

  it('are found within half a second while Redis is away, and told again when it is back', async () => {
    const { id, watch } = await watching();
    await waitUntil(() => channel.isLive(), { what: 'the subscription' });
    way.cut();
    await waitUntil(() => !channel.isLive(), { what: 'the loss of it' });
    const advanced = orders.advance(stockReserved({ orderId: id }));
    expect(await newsTakes(advanced, watch, 'STOCK_RESERVED')).toBeLessThan(700);
    way.heal();
    await waitUntil(() => channel.isLive(), { what: 'the subscription' });
    await waitUntil(() => links[0]?.isUp() ?? false, { what: 'the other instance’s Redis' });
    expect(await newsTakes(orders.cancel(id, 1), watch, 'CANCELLING')).toBeLessThan(300);
  });

  it('are found when Redis hangs', async () => {
    const { id, watch } = await watching();
    await waitUntil(() => channel.isLive(), { what: 'the subscription' });
    way.hush();
    const advanced = orders.advance(paymentCompleted({ orderId: id }));
    expect(await newsTakes(advanced, watch, 'PAID')).toBeLessThan(1_500);
    way.heal();
  });

  it('are looked at once more whenever the way through Redis is back', async () => {
    const heard: (readonly number[])[] = [];
    let gaps = 0;
    channel.listen(
      (ids) => heard.push(ids),
      () => (gaps += 1),
    );
    await waitUntil(() => channel.isLive() && gaps === 1, { what: 'the subscription' });
    way.cut();
    await waitUntil(() => !channel.isLive(), { what: 'the loss of it' });
    way.heal();
    await waitUntil(() => channel.isLive() && gaps === 2, { what: 'the subscription' });
    await waitUntil(() => links[0]?.isUp() ?? false, { what: 'the other instance’s Redis' });
    channel.tell([1]);
    orders.changed([5, 6, 5]);
    await waitUntil(() => heard.length > 0);
    // Not its own.
    expect(heard).toEqual([[5, 6]]);
  });

  it('are waited for while the database is away, except by who asks for the first time: that one is refused', async () => {
    const url = new URL(orders.database.url);
    const road = await createTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${road.port}`;
    const prisma = new PrismaClient({ adapter: new PrismaPg(readPool('cut off', String(url))) });
    const cutOff = new OrderFeed({ read: createOrderReader(prisma).changed, channel, logger });
    try {
      const id = await orders.placed();
      const watch = cutOff.watch(id, null, stays);
      await watch.next();
      road.cut();
      const next = cutOff.watch(id, null, stays).next();
      expect(isBackendAway(await next.catch((error: unknown) => error))).toBe(true);
      await orders.advance(paymentCompleted({ orderId: id }));
      road.heal();
      expect((await watch.next())?.order.status).toBe('PAID');
    } finally {
      cutOff.close();
      await prisma.$disconnect();
      await road.close();
    }
  });

  it('are read with status, lines and the line of the timeline of one moment', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => orders.placed()));
    const [one, two, three] = ids as [number, number, number];
    await orders.advance(stockReserved({ orderId: two }), paymentCompleted({ orderId: three }));
    const known = new Map([
      [one, 'CREATED' as const],
      [two, 'CREATED' as const],
      [three, null],
      [4_711_000, null],
    ]);
    const moments = await orders.reader.changed(known);
    expect(moments.map(({ id, status }) => [Number(id), status]).sort()).toEqual([
      [two, 'STOCK_RESERVED'],
      [three, 'PAID'],
    ]);
    for (const { id, eventId, products } of moments) {
      const lines = await orders.timeline(Number(id));
      expect(Number(eventId)).toBe(lines.at(-1)?.id);
      expect(products.map(({ unitPrice }) => unitPrice?.toFixed(2))).toEqual(['10.00']);
    }
  });
});
