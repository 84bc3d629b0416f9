import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { redisUrl } from '@orderflow/testing/backends';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { z } from 'zod';
import { createCache, type Cache } from './cache.ts';
import { createLogger } from './logger.ts';
import { createRedis, type RedisLink } from './redis.ts';

const shape = z.strictObject({ price: z.string() });

/** A load that a test lets end when it wants. */
function gate<Value>() {
  let open!: (value: Value) => void;
  let begin!: () => void;
  const opened = new Promise<Value>((resolve) => (open = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const load = () => {
    begin();
    return opened;
  };
  return { open, begun, load };
}

/** A link whose second attempt waits until the test lets it go on. */
function slowToLease(link: RedisLink) {
  let goOn!: () => void;
  let look!: () => void;
  const going = new Promise<void>((resolve) => (goOn = resolve));
  const looked = new Promise<void>((resolve) => (look = resolve));
  let attempts = 0;
  const slow: RedisLink = {
    ...link,
    async attempt(commands) {
      attempts += 1;
      if (attempts === 2) {
        look();
        await going;
      }
      return link.attempt(commands);
    },
  };
  return { link: slow, looked, goOn };
}

describe('a cache in Redis', () => {
  let way: TcpProxy;
  let name: string;
  let redis: RedisLink;
  let mine: Cache;
  let other: RedisLink;
  /** Of another process. */
  let theirs: Cache;
  let loads: number;
  let results: string[];

  beforeEach(async () => {
    const { hostname, port } = new URL(await redisUrl());
    way = await createTcpProxy({ host: hostname, port: Number(port) });
    name = ownName('cache');
    loads = 0;
    results = [];
    redis = connect();
    other = connect();
    mine = cacheOn(redis);
    theirs = cacheOn(other);
    await waitUntil(() => redis.isUp() && other.isUp(), { what: 'Redis' });
  });
  afterEach(async () => {
    redis.close();
    other.close();
    await way.close();
  });

  /** With time enough that a process which got no processor does not take Redis for hung. */
  function connect(commandTimeoutMs = 5_000): RedisLink {
    const link = createRedis(
      `redis://127.0.0.1:${way.port}`,
      createLogger({ service: 'test', level: 'silent' }),
      commandTimeoutMs,
    );
    link.open();
    return link;
  }

  const cacheOn = (link: RedisLink, ttlMs = 60_000) =>
    createCache({
      name,
      redis: link,
      ttlMs,
      count: (_name, { result = '' }) => void results.push(result),
    });

  const priced = (price: string) => () => {
    loads += 1;
    return Promise.resolve({ price });
  };
  const read = (cache: Cache, price: string, key = 'tea') => cache.read(key, shape, priced(price));
  const tally = () => Object.fromEntries([...new Set(results)].map((result) => [result, times(result)]));
  const times = (result: string) => results.filter((each) => each === result).length;
  const keys = async () => (await redis.client.keys(`cache:${name}:*`)).sort();
  const places = async () => (await keys()).filter((key) => /:\d+$/.test(key));

  it('loads a value once for all processes', async () => {
    expect(await read(mine, '1')).toEqual({ price: '1' });
    expect(await read(theirs, '2')).toEqual({ price: '1' });
    expect(await read(mine, '3')).toEqual({ price: '1' });
    expect([loads, results]).toEqual([1, ['miss', 'hit', 'hit']]);
  });

  it('loads once when 200 miss at the same time, in two processes', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => read(index % 2 ? mine : theirs, '1')),
    );
    expect(new Set(answers.map(({ price }) => price))).toEqual(new Set(['1']));
    expect(loads).toBe(1);
    expect(results).toHaveLength(200);
  });

  it('does not load again what came between the look and the lease', async () => {
    await read(mine, '1', 'cup');
    const { open, begun, load } = gate<{ price: string }>();
    const first = mine.read('tea', shape, load);
    await begun;
    const late = slowToLease(other);
    const second = createCache({ name, redis: late.link, ttlMs: 60_000, count: () => undefined });
    const answer = read(second, '2');
    await late.looked;
    open({ price: '1' });
    await first;
    await waitUntil(async () => (await keys()).every((key) => !key.includes('lease')));
    late.goOn();
    expect(await answer).toEqual({ price: '1' });
    expect(await keys()).toHaveLength(3);
  });

  it('shows a change to every process as soon as it was told', async () => {
    await read(mine, 'old');
    await theirs.invalidate();
    expect(await read(mine, 'new')).toEqual({ price: 'new' });
    expect(await read(theirs, 'newer')).toEqual({ price: 'new' });
  });

  it('never brings back what a slow reader saw before a change, nor lets later readers join it', async () => {
    const { open, begun, load } = gate<{ price: string }>();
    const slow = mine.read('tea', shape, load);
    await begun;
    await mine.invalidate();
    expect(await read(mine, 'new')).toEqual({ price: 'new' });
    open({ price: 'old' });
    expect(await slow).toEqual({ price: 'old' });
    await waitUntil(async () => (await keys()).every((key) => !key.includes('lease')), { what: 'its end' });
    expect(await read(mine, 'new')).toEqual({ price: 'new' });
    expect(await read(theirs, 'new')).toEqual({ price: 'new' });
  });

  it('forgets a value after its time, whoever reads it meanwhile', async () => {
    const brief = cacheOn(redis, 150);
    await read(brief, 'old');
    await waitUntil(async () => (await read(brief, 'new')).price === 'new', { timeoutMs: 2_000 });
    expect(loads).toBe(2);
  });

  it.each([
    ['bytes that are not JSON', () => '{bad'],
    ['the value of another form', (text: string) => text.replace('"price":"1"', '"price":1')],
    ['the value of another key', (text: string) => text.replace('"key":"tea"', '"key":"cup"')],
    ['the value of another version', (text: string) => text.replace(/"version":"[^"]+"/, '"version":"0"')],
    ['an empty text', () => ''],
  ])('takes %s for a miss', async (_what, spoil) => {
    await read(mine, '1');
    const [place = ''] = await waitUntil(async () => {
      const found = await places();
      return found.length === 1 ? found : undefined;
    });
    const text = (await redis.client.get(place)) ?? '';
    expect(spoil(text)).not.toBe(text);
    await redis.client.set(place, spoil(text));
    expect(await read(mine, '2')).toEqual({ price: '2' });
    expect(await read(mine, '3')).toEqual({ price: '2' });
  });

  it('reads on when Redis was emptied', async () => {
    await read(mine, '1');
    await redis.client.del(await keys());
    expect(await read(mine, '2')).toEqual({ price: '2' });
    expect(await read(theirs, '3')).toEqual({ price: '2' });
  });

  it('holds a bounded number of values, whatever keys are asked for, and none that is very long', async () => {
    await Promise.all(
      Array.from({ length: 2_000 }, (_, index) => read(mine, 'x'.repeat(10), `page ${index}`)),
    );
    await waitUntil(async () => (await keys()).every((key) => !key.includes('lease')));
    expect((await keys()).length).toBeLessThanOrEqual(256 + 1);
    await read(mine, 'x'.repeat(200_000), 'long');
    expect(await read(mine, 'y', 'long')).toEqual({ price: 'y' });
  });

  it('waits no longer than half a second for a process that died while it loaded', async () => {
    await read(mine, '1', 'cup');
    const version = (await redis.client.get(`cache:${name}:version`)) ?? '';
    await redis.client.set(`cache:${name}:lease:tea`, version, 'PX', 60_000);
    const startedAt = performance.now();
    expect(await read(mine, '2')).toEqual({ price: '2' });
    expect(performance.now() - startedAt).toBeGreaterThan(400);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('fails all who wait for a load that fails, and loads again for the next', async () => {
    const failing = () => Promise.reject(new Error('no database'));
    const answers = await Promise.allSettled([1, 2, 3].map(() => mine.read('tea', shape, failing)));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await read(theirs, '1')).toEqual({ price: '1' });
  });

  describe('that is away', () => {
    beforeEach(async () => {
      await read(mine, 'old');
      await waitUntil(async () => (await places()).length === 1);
      way.cut();
      await waitUntil(() => !redis.isUp() && !other.isUp(), { what: 'Redis gone' });
      loads = 0;
      results = [];
    });

    it('loads, once for all who come at the same time', async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => read(mine, '1')));
      expect(new Set(answers.map(({ price }) => price))).toEqual(new Set(['1']));
      expect([loads, tally()]).toEqual([1, { away: 200 }]);
      expect(await read(mine, '2')).toEqual({ price: '2' });
    });

    it('lets nobody join a load that began before a change', async () => {
      const { open, begun, load } = gate<{ price: string }>();
      const slow = mine.read('tea', shape, load);
      await begun;
      await mine.invalidate();
      expect(await read(mine, 'new')).toEqual({ price: 'new' });
      open({ price: 'old' });
      await slow;
    });

    it('is told the change when it is back, before anything is read from it', async () => {
      await mine.invalidate();
      way.heal();
      await waitUntil(() => redis.isUp() && other.isUp(), { what: 'Redis back' });
      expect(await read(mine, 'new')).toEqual({ price: 'new' });
      expect(await read(theirs, 'newer')).toEqual({ price: 'new' });
    });
  });

  it('is waited for once when it hangs, for 250 ms, and then not at all', async () => {
    const hung = connect(250);
    await waitUntil(() => hung.isUp(), { what: 'Redis' });
    void hung.client.call('BLPOP', ownName('nothing'), '6').catch(() => undefined);
    const cache = cacheOn(hung);
    const startedAt = performance.now();
    expect(await read(cache, '1')).toEqual({ price: '1' });
    for (let time = 0; time < 50; time += 1) await read(cache, '2');
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(tally()).toEqual({ away: 51 });
    hung.close();
  });
});
