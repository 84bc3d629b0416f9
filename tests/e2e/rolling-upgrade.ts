import { describe, expect, it } from '@jest/globals';
import type { Order } from '@orderflow/client/api-types';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { waitUntil } from '@orderflow/testing/wait-until';
import { lastLetters, lettersSince } from './dead-letters.ts';
import { expectExactBooks } from './exactness.ts';
import {
  endPresent,
  holdLauncher,
  NEXT_RELEASE,
  RENAMED,
  runOfNextRelease,
  startInstance,
  untilShared,
  watchTypes,
  type Instance,
  type InstancePlan,
} from './next-release.ts';
import { adminOf, buy, ending, newProduct, newUser, place } from './people.ts';
import { errorsSince, markLogs } from './service-logs.ts';
import { outcomesOf, sendTraffic } from './traffic.ts';

const both = (name: string) => [name, `${name}-next`];
const nextOnly = (name: string) => [`${name}-next`];

/** What reads `stock.reserved`. */
const READERS = ['order', 'coupon'] as const;

interface Flow {
  /** Waits while orders flow. @throws what a caller has met instead of its order's end */
  until(isTrue: () => boolean, what: string): Promise<void>;
  /** Resolves when so many more orders are over. */
  more(count: number): Promise<void>;
  /** Every order, each over. */
  stop(): Promise<readonly Order[]>;
}

const CALLERS = 4;

/** Orders without a pause: each caller places its next one when the last one is over. */
async function startFlow(stack: RunningStack): Promise<Flow> {
  const [user, product] = await Promise.all([
    newUser(stack, '100000.00'),
    newProduct(stack, '1.00', 100_000),
  ]);
  const orders: Order[] = [];
  let isStopped = false;
  const orderOn = async () => {
    while (!isStopped) orders.push(await ending(user, await place(user, buy(product))));
  };
  const over = Promise.all(Array.from({ length: CALLERS }, orderOn));
  over.catch(() => (isStopped = true));
  const until: Flow['until'] = async (isTrue, what) => {
    await waitUntil(() => isStopped || isTrue(), { what, timeoutMs: 30_000 });
    if (isStopped) await over;
  };
  return {
    until,
    more: (count) => {
      const wanted = orders.length + count;
      return until(() => orders.length >= wanted, `${count} more orders`);
    },
    async stop() {
      isStopped = true;
      await over;
      return orders;
    },
  };
}

/** Runs `work` while orders flow; they stop with it, however it ends. */
async function whileOrdering(stack: RunningStack, work: (flow: Flow) => Promise<void>): Promise<void> {
  const flow = await startFlow(stack);
  try {
    await work(flow);
  } finally {
    await flow.stop().catch(() => undefined);
  }
}

async function expectAllPaid(flow: Flow): Promise<void> {
  const orders = await flow.stop();
  expect(orders.filter(({ status }) => status !== 'PAID')).toEqual([]);
}

interface Upgrade {
  readonly start: (plan: InstancePlan) => Promise<Instance>;
  /** Ends the launcher's instances of what reads `stock.reserved`; they come back when the upgrade is over. */
  readonly endPresentReaders: () => Promise<void>;
}

/** Whatever `work` has started is ended after it, what publishes first, and what it has ended runs again. */
async function upgrading(stack: RunningStack, work: (upgrade: Upgrade) => Promise<void>): Promise<void> {
  const publishers: Instance[] = [];
  const readers: Instance[] = [];
  const held: (() => Promise<void>)[] = [];
  const start = async (plan: InstancePlan) => {
    const instance = await startInstance(stack, plan);
    (plan.name === 'product' ? publishers : readers).push(instance);
    return instance;
  };
  const endPresentReaders = async () => {
    held.push(holdLauncher(stack));
    await Promise.all(READERS.map((name) => endPresent(stack, name)));
  };
  try {
    await work({ start, endPresentReaders });
  } finally {
    for (const instances of [publishers, readers]) await Promise.all(instances.map((one) => one.stop()));
    for (const goOn of held) await goOn();
  }
}

interface Wave {
  /** Orders whose `stock.reserved` the readers could not take. */
  readonly stuck: readonly number[];
  readonly paid: readonly number[];
}

interface Scene {
  readonly stack: RunningStack;
  readonly order: () => Promise<Order>;
  /** Of each service the last dead letter before all this. */
  readonly letters: ReadonlyMap<string, string>;
}

/** Orders with a letter that waits for an operator, in each of the readers. */
async function parkedIn({ stack, letters }: Scene, service: (typeof READERS)[number]): Promise<Set<number>> {
  const rows = await stack.sql<{ id: string }>(
    service,
    `SELECT convert_from(key, 'UTF8') AS id FROM dead_letters
      WHERE id > $1 AND topic = 'stock-reserved' AND reason = 'UNKNOWN_VERSION' AND closed_at IS NULL`,
    [letters.get(service)],
  );
  return new Set(rows.map(({ id }) => Number(id)));
}

/** Places orders until some are paid and some are stuck, and each is one of the two. */
async function placeWave(scene: Scene): Promise<Wave> {
  const ids: number[] = [];
  const look = async (): Promise<Wave> => {
    const [order, coupon] = [await parkedIn(scene, 'order'), await parkedIn(scene, 'coupon')];
    const rows = await scene.stack.sql<{ id: string }>(
      'order',
      `SELECT id FROM orders WHERE id = ANY ($1::bigint[]) AND status = 'PAID'`,
      [ids],
    );
    return {
      stuck: ids.filter((id) => order.has(id) && coupon.has(id)),
      paid: rows.map(({ id }) => Number(id)),
    };
  };
  const mixed = async () => {
    const { stuck, paid } = await look();
    if (stuck.length >= 2 && paid.length >= 2) return true;
    ids.push((await scene.order()).id);
    return false;
  };
  await waitUntil(mixed, { what: 'orders paid and orders stuck', timeoutMs: 30_000, intervalMs: 50 });
  return waitUntil(
    async () => {
      const wave = await look();
      return wave.stuck.length + wave.paid.length === ids.length ? wave : null;
    },
    { what: 'the rest of the wave', timeoutMs: 20_000, intervalMs: 50 },
  );
}

/** As if it were half a minute later for these orders: those that are paid have overtaken them. */
async function age(stack: RunningStack, orders: readonly number[]): Promise<void> {
  await stack.sql(
    'order',
    `UPDATE orders SET created_at = created_at - interval '30 seconds' WHERE id = ANY ($1::bigint[])`,
    [orders],
  );
}

/** Replays what a reader has parked of all this, as its operator does. */
async function replay({ stack, letters }: Scene, service: (typeof READERS)[number]) {
  const step = service === 'order' ? 'order.advance' : 'coupon.apply';
  const after = Number(letters.get(service));
  const { matched, replayed, noEffect, refused } = await adminOf(stack).post('/v1/ops/dead-letters/replay', {
    body: {
      service,
      filter: { step, topic: 'stock-reserved', reason: 'UNKNOWN_VERSION' },
      reason: 'the next release reads it',
      ...(after > 0 ? { after } : {}),
    },
    resend: true,
  });
  return { matched, replayed, noEffect, refused: [...new Set(refused.map(({ code }) => code))] };
}

/** Releases side by side, and an event of the one after read by the one before. */
export function describeRollingUpgrade(stack: () => RunningStack): void {
  describe('a release that comes in beside the one before, under orders', () => {
    it('shares the partitions of all five services with it, and no order notices', async () => {
      const [letters, logs] = [await lastLetters(stack()), markLogs(stack())];
      await whileOrdering(stack(), (flow) =>
        upgrading(stack(), async ({ start }) => {
          const instances = await Promise.all(SERVICE_NAMES.map((name) => start({ name, patches: RENAMED })));
          await untilShared(stack(), SERVICE_NAMES, both);
          const [traffic] = await Promise.all([sendTraffic(stack(), 40), flow.more(40)]);
          expect(outcomesOf(traffic)).toEqual(traffic.expected);
          await Promise.all(instances.map((instance) => instance.stop()));
          await flow.more(20);
          await expectAllPaid(flow);
        }),
      );
      expect(errorsSince(logs)).toEqual([]);
      expect(await lettersSince(stack(), letters)).toEqual([]);
      await expectExactBooks(stack());
    }, 120_000);

    it('publishes a new version of an event once its readers are there, who read the old one too', async () => {
      const [letters, logs] = [await lastLetters(stack()), markLogs(stack())];
      const types = await watchTypes(stack(), 'stock-reserved');
      const counts = () => [types.count('stock.reserved.v1'), types.count('stock.reserved.v2')] as const;
      const work = (flow: Flow) =>
        upgrading(stack(), async ({ start, endPresentReaders }) => {
          await Promise.all(READERS.map((name) => start({ name, patches: NEXT_RELEASE[name] })));
          await untilShared(stack(), READERS, both);
          // What is in flight now was published for the readers that end here.
          await endPresentReaders();
          await start({ name: 'order', patches: NEXT_RELEASE.order, inPlace: true });
          await untilShared(stack(), READERS, nextOnly);
          await flow.more(20);
          const [first, none] = counts();
          expect([first > 0, none]).toEqual([true, 0]);

          await start({ name: 'product', patches: NEXT_RELEASE.product });
          await untilShared(stack(), ['product'], both);
          const [before] = counts();
          await flow.until(() => counts()[0] >= before + 20 && counts()[1] >= 20, 'both versions');
          await expectAllPaid(flow);
          await expectExactBooks(stack(), undefined, runOfNextRelease(stack()));
        });
      try {
        await whileOrdering(stack(), work);
      } finally {
        await types.close();
      }
      expect(errorsSince(logs)).toEqual([]);
      expect(await lettersSince(stack(), letters)).toEqual([]);
    }, 120_000);

    it('publishes it before they are there: it is parked, and an operator replays it when they are', async () => {
      const [user, product] = await Promise.all([newUser(stack(), '1000.00'), newProduct(stack())]);
      const order = () => place(user, buy(product));
      const scene: Scene = { stack: stack(), order, letters: await lastLetters(stack()) };
      const timedOut = { status: 'CANCELLED', failureReason: 'TIMED_OUT' };
      await upgrading(stack(), async ({ start, endPresentReaders }) => {
        await start({ name: 'product', patches: NEXT_RELEASE.product });
        await untilShared(stack(), ['product'], both);
        const late = await placeWave(scene);
        await age(stack(), late.stuck);
        for (const id of late.stuck) expect(await ending(user, { id })).toMatchObject(timedOut);
        const inTime = await placeWave(scene);

        const matched = late.stuck.length + inTime.stuck.length;
        const refused = { matched, replayed: 0, noEffect: 0, refused: ['UNKNOWN_VERSION'] };
        for (const name of READERS) expect(await replay(scene, name)).toEqual(refused);
        await endPresentReaders();
        await Promise.all(READERS.map((name) => start({ name, patches: NEXT_RELEASE[name], inPlace: true })));
        await untilShared(stack(), READERS, nextOnly);
        const done = { matched, replayed: inTime.stuck.length, noEffect: late.stuck.length, refused: [] };
        for (const name of READERS) expect(await replay(scene, name)).toEqual(done);

        for (const id of inTime.stuck) expect(await ending(user, { id })).toMatchObject({ status: 'PAID' });
        for (const id of late.stuck) expect(await user.getOrder(id)).toMatchObject(timedOut);
        await expectExactBooks(stack(), undefined, runOfNextRelease(stack()));
      });
    }, 120_000);
  });
}
