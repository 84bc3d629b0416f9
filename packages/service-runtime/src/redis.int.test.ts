import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { redisUrl } from '@orderflow/testing/backends';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { ownName } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { createJobLock } from './job-lock.ts';
import { createLogger } from './logger.ts';
import { createRedis, type RedisLink } from './redis.ts';

describe('Redis, which may vanish at any moment', () => {
  let way: TcpProxy;
  let redis: RedisLink;
  let lines: string[];

  beforeEach(async () => {
    const { hostname, port } = new URL(await redisUrl());
    way = await createTcpProxy({ host: hostname, port: Number(port) });
    lines = [];
    redis = connect();
    await waitUntil(() => redis.isUp(), { what: 'Redis' });
  });
  afterEach(async () => {
    redis.close();
    await way.close();
  });

  function connect(url = `redis://127.0.0.1:${way.port}`): RedisLink {
    const destination = { write: (line: string) => void lines.push(line) };
    const link = createRedis(url, createLogger({ service: 'test', level: 'info', destination }));
    link.open();
    return link;
  }

  async function takeAway(): Promise<void> {
    way.cut();
    await waitUntil(() => !redis.isUp(), { what: 'Redis gone' });
  }

  it('tells that it refuses the password, and not the password', async () => {
    const refused = connect(`redis://nobody:n0ne-of-y0urs@127.0.0.1:${way.port}`);
    const said = () => lines.join('');
    await waitUntil(() => said().includes('WRONGPASS'), { what: 'the refusal in the log' });
    refused.close();
    expect(said()).toContain('Redis is away');
    expect(said()).not.toContain('n0ne-of-y0urs');
  });

  it('answers while it is there', async () => {
    const key = ownName('key');
    expect(await redis.attempt((client) => client.set(key, '1', 'PX', 5_000))).toBe('OK');
    expect(await redis.attempt((client) => client.get(key))).toBe('1');
  });

  it('never throws while it is away, says so once, and is back by itself', async () => {
    let tries = 0;
    redis.client.on('reconnecting', () => (tries += 1));
    await takeAway();
    const askedAt = performance.now();
    await expect(redis.client.incr('never')).rejects.toThrow();
    expect(performance.now() - askedAt).toBeLessThan(200);
    for (let attempt = 0; attempt < 1_000; attempt += 1) {
      expect(await redis.attempt((client) => client.incr('never'))).toBeUndefined();
    }
    await waitUntil(() => tries >= 3, { what: 'three tries to come back' });
    way.heal();
    await waitUntil(() => redis.isUp(), { what: 'Redis back' });
    // What was asked meanwhile is not done later.
    expect(await redis.attempt((client) => client.get('never'))).toBeNull();
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toEqual(['Redis is away; going on without it', 'Redis is back']);
  });

  it('is not waited for longer than 250 ms when it hangs', async () => {
    const startedAt = performance.now();
    expect(await redis.attempt((client) => client.call('BLPOP', ownName('nothing'), '5'))).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('counts as away while it hangs, so that nobody waits for it any more, and is back when it answers', async () => {
    const hanging = ownName('nothing');
    await redis.attempt((client) => client.call('BLPOP', hanging, '5'));
    expect(redis.isUp()).toBe(false);
    const askedAt = performance.now();
    for (let attempt = 0; attempt < 100; attempt += 1) {
      expect(await redis.attempt((client) => client.get(hanging))).toBeUndefined();
    }
    // Each waiting for its 250 ms would be 25 s.
    expect(performance.now() - askedAt).toBeLessThan(2_000);
    const other = connect();
    await waitUntil(() => other.isUp(), { what: 'another connection' });
    await other.attempt((client) => client.lpush(hanging, 'go on'));
    other.close();
    await waitUntil(() => redis.isUp(), { what: 'an answer' });
    expect(await redis.attempt((client) => client.get(ownName('key')))).toBeNull();
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toEqual(['Redis does not answer; going on without it', 'Redis answers again']);
  });

  describe('and its job lock', () => {
    it('lets one instance run a job at a time, and the next when it is done', async () => {
      const name = ownName('job');
      const other = connect();
      await waitUntil(() => other.isUp());
      const [mine, theirs] = [createJobLock(redis), createJobLock(other)];
      let ran = 0;
      const within = await mine.run(name, 5_000, async () => {
        ran += 1;
        expect(await theirs.run(name, 5_000, () => Promise.resolve(void (ran += 100)))).toBe(false);
      });
      expect([within, ran]).toEqual([true, 1]);
      expect(await theirs.run(name, 5_000, () => Promise.resolve(void (ran += 1)))).toBe(true);
      expect(ran).toBe(2);
      other.close();
    });

    it('gives the lock back when the job fails, and tells the failure', async () => {
      const name = ownName('job');
      const lock = createJobLock(redis);
      await expect(lock.run(name, 5_000, () => Promise.reject(new Error('failed')))).rejects.toThrow(
        'failed',
      );
      expect(await lock.run(name, 5_000, () => Promise.resolve())).toBe(true);
    });

    it('runs the job without a lock while Redis is away', async () => {
      await takeAway();
      let ran = false;
      expect(
        await createJobLock(redis).run(ownName('job'), 5_000, () => Promise.resolve(void (ran = true))),
      ).toBe(true);
      expect(ran).toBe(true);
    });

    it('runs the job once even when Redis goes away in the middle of it', async () => {
      let ran = 0;
      const done = createJobLock(redis).run(ownName('job'), 5_000, async () => {
        ran += 1;
        await takeAway();
      });
      expect(await done).toBe(true);
      expect(ran).toBe(1);
    });
  });
});
