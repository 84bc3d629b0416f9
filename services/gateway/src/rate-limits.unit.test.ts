import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { listen } from '@orderflow/service-runtime/listen';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { noProxies } from './http/client-address.ts';
import { createMemoryCounters } from './http/rate-counters.ts';
import { createRateLimits } from './http/rate-limits.ts';
import { host, runGateway, type RunningGateway } from './running-gateway.test.ts';

describe('the gateway’s limits', () => {
  let gateway: RunningGateway;
  afterEach(() => gateway.close());

  const get = (path: string, authorization?: string) => {
    const asked = request(gateway.url).get(path);
    return authorization === undefined ? asked : asked.set('Authorization', authorization);
  };

  it('tell every answer what is left, and refuse what is over a user’s limit', async () => {
    gateway = await runGateway({ RATE_LIMIT_PER_USER: '3', RATE_LIMIT_PER_ADDRESS: '100' });
    const mine = gateway.token(7);
    const first = await get('/v1/orders', mine);
    expect(first.status).toBe(200);
    expect(first.headers['ratelimit-policy']).toBe('"user";q=3;w=60, "address";q=100;w=60');
    expect(first.headers['ratelimit']).toMatch(/^"user";r=2;t=\d+, "address";r=99;t=\d+$/);
    await get('/v1/balance', mine).expect(200);
    await get('/v1/products', mine).expect(200);
    const refused = await get('/v1/orders', mine);
    expect(refused.status).toBe(429);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'RATE_LIMITED', requestId: refused.headers['x-request-id'] });
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(120);
    expect(refused.headers['ratelimit']).toBe(`"user";r=0;t=${wait}`);
    // Another user goes on, and the refused request did not count for the address.
    const other = await get('/v1/orders', gateway.token(8)).expect(200);
    expect(other.headers['ratelimit']).toMatch(/"address";r=96;/);
    expect(gateway.seen).toHaveLength(4);
    const { text } = await request(gateway.internalUrl).get('/metrics');
    expect(text).toMatch(/gateway_rate_limited_total\{limit="user",service="gateway"\} 1/);
  });

  it('count bad tokens, unknown paths and reads of anyone for the address', async () => {
    gateway = await runGateway({ RATE_LIMIT_PER_USER: '3', RATE_LIMIT_PER_ADDRESS: '4' });
    await get('/v1/orders', 'Bearer a.b.c')
      .expect(401)
      .expect('RateLimit', /^"address";r=3;t=\d+$/);
    await get('/v1/orders').expect(401);
    await get('/v1/nothing').expect(404);
    await get('/v1/products').expect(200);
    await get('/v1/products').expect(429).expect('RateLimit-Policy', '"address";q=4;w=60');
    await get('/v1/orders', gateway.token()).expect(429);
  });

  it('believe no X-Forwarded-For but that of a trusted proxy', async () => {
    gateway = await runGateway({ RATE_LIMIT_PER_ADDRESS: '1' });
    await get('/v1/products').set('X-Forwarded-For', '203.0.113.1').expect(200);
    await get('/v1/products').set('X-Forwarded-For', '203.0.113.2').expect(429);
    await gateway.close();
    gateway = await runGateway({ RATE_LIMIT_PER_ADDRESS: '1', TRUST_PROXY: '1' });
    await get('/v1/products').set('X-Forwarded-For', '203.0.113.1').expect(200);
    await get('/v1/products').set('X-Forwarded-For', '203.0.113.2').expect(200);
    await get('/v1/products').set('X-Forwarded-For', '1.1.1.1, 203.0.113.2').expect(429);
  });

  it('are silent when they are off', async () => {
    gateway = await runGateway();
    const { headers } = await get('/v1/orders', gateway.token()).expect(200);
    expect(headers).not.toHaveProperty('ratelimit');
    expect(headers).not.toHaveProperty('ratelimit-policy');
  });

  it('neither count nor refuse a browser’s preflight, and let its code read a refusal', async () => {
    gateway = await runGateway({ RATE_LIMIT_PER_ADDRESS: '1' });
    const origin = { Origin: 'https://shop.example' };
    for (let time = 0; time < 3; time += 1) {
      await request(gateway.url)
        .options('/v1/orders')
        .set({ ...origin, 'Access-Control-Request-Method': 'POST' })
        .expect(204);
    }
    await get('/v1/products').set(origin).expect(200);
    const refused = await get('/v1/products').set(origin).expect(429);
    expect(refused.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': expect.stringContaining('Retry-After'),
    });
  });
});

describe('a flood', () => {
  it('is refused without asking the counters or checking a token again', async () => {
    let takes = 0;
    let checks = 0;
    const memory = createMemoryCounters();
    const limits = createRateLimits({
      counters: {
        take(given) {
          takes += 1;
          return memory.take(given);
        },
      },
      verifyToken: () => {
        checks += 1;
        return Promise.reject(new Error('no token is good'));
      },
      proxies: noProxies,
      perUser: 5,
      perAddress: 5,
      metrics: createMetrics('test'),
    });
    const door = await listen((asked, response) => limits(asked, response, () => response.end('{}')), {
      host,
      port: 0,
    });
    const statuses: number[] = [];
    for (let time = 0; time < 30; time += 1) {
      statuses.push((await request(door.url).get('/').set('Authorization', 'Bearer a.b.c')).status);
    }
    expect(statuses).toEqual([...Array<number>(5).fill(200), ...Array<number>(25).fill(429)]);
    expect([takes, checks]).toEqual([6, 6]);
    await door.close();
  });
});
