import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { waitUntil } from '@orderflow/testing/wait-until';
import request from 'supertest';
import { host, runGateway, type RunningGateway } from './running-gateway.test.ts';

/** A service whose process has stopped: the system takes its connections, nobody answers. */
async function hangingService() {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', () => (asked += 1));
  });
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve));
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    sockets,
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        for (const socket of sockets) socket.destroy();
      }),
  };
}

describe('a service that is away', () => {
  let hanging: Awaited<ReturnType<typeof hangingService>>;
  let gateway: RunningGateway;

  beforeEach(async () => {
    hanging = await hangingService();
  });
  afterEach(async () => {
    await gateway.close();
    await hanging.close();
  });

  const ask = async (path: string) => {
    const answer = await fetch(gateway.url + path, { headers: { authorization: gateway.token() } });
    const body = (await answer.json()) as { code?: string };
    const { status, headers } = answer;
    return { status, code: body.code, retryAfter: headers.get('retry-after') };
  };
  const metric = async (name: string) => {
    const { text } = await request(gateway.internalUrl).get('/metrics');
    return Number(new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const waiting = () => metric('gateway_upstream_waiting{upstream="payment",service="gateway"}');

  it('lets no more callers wait than it may, and holds up nobody else', async () => {
    gateway = await runGateway({ PAYMENT_URL: hanging.url, UPSTREAM_WAITING_MAX: '20' });
    const all = Array.from({ length: 200 }, () => ask('/v1/payments'));
    const reason = 'gateway_upstream_refused_total{upstream="payment",reason="waiting",service="gateway"}';
    await waitUntil(async () => (await metric(reason)) === 180, { what: 'all but twenty refused at once' });
    expect([await waiting(), hanging.sockets.size]).toEqual([20, 20]);
    const others = await Promise.all(Array.from({ length: 15 }, () => ask('/v1/orders')));
    expect(others.every(({ status }) => status === 200)).toBe(true);
    for (const socket of hanging.sockets) socket.destroy();
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ status, code, retryAfter }) => `${status} ${code} ${retryAfter}`))).toEqual(
      new Set(['503 UNAVAILABLE 1']),
    );
    expect([await waiting(), hanging.asked()]).toEqual([0, 20]);
  });

  it('is not asked again but once a second, until it answers', async () => {
    gateway = await runGateway({ PAYMENT_URL: hanging.url, UPSTREAM_TIMEOUT_MS: '300' });
    const open = () => metric('gateway_upstream_open{upstream="payment",service="gateway"}');
    await Promise.all(Array.from({ length: 5 }, () => ask('/v1/payments')));
    expect(await open()).toBe(1);
    expect(await metric('gateway_upstream_open{upstream="order",service="gateway"}')).toBe(0);
    const startedAt = performance.now();
    const refused = await Promise.all(Array.from({ length: 100 }, () => ask('/v1/payments')));
    expect(new Set(refused.map(({ code, retryAfter }) => `${code} ${retryAfter}`))).toEqual(
      new Set(['UNAVAILABLE 1']),
    );
    const reason = 'gateway_upstream_refused_total{upstream="payment",reason="open",service="gateway"}';
    const tries = hanging.asked() - 5;
    expect(tries).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 1_000);
    expect(await metric(reason)).toBe(100 - tries);
  });

  it('is there again within a second or so of coming back', async () => {
    gateway = await runGateway();
    const { port } = gateway.service;
    await gateway.service.close();
    for (let time = 0; time < 10; time += 1) await ask('/v1/payments');
    const back = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
    }).listen(port, host);
    await once(back, 'listening');
    await waitUntil(async () => (await ask('/v1/payments')).status === 200, {
      timeoutMs: 3_000,
      intervalMs: 50,
    });
    expect((await ask('/v1/payments')).status).toBe(200);
    back.close();
  });

  it('is not taken for away because it refuses: five hundreds in a row open nothing', async () => {
    gateway = await runGateway();
    gateway.answerWith((_request, response) => response.writeHead(503).end('{"code":"SATURATED"}'));
    for (let time = 0; time < 12; time += 1)
      expect(await ask('/v1/orders')).toMatchObject({ code: 'SATURATED' });
    expect(gateway.seen).toHaveLength(12);
  });

  it('does not hold callers who leave', async () => {
    gateway = await runGateway({ PAYMENT_URL: hanging.url });
    const calls = Array.from({ length: 10 }, () => {
      const call = get(`${gateway.url}/v1/payments`, { headers: { authorization: gateway.token() } });
      return call.on('error', () => undefined);
    });
    await waitUntil(async () => (await waiting()) === 10);
    for (const call of calls) call.destroy();
    await waitUntil(async () => (await waiting()) === 0 && hanging.sockets.size === 0);
    expect(await metric('gateway_upstream_open{upstream="payment",service="gateway"}')).toBe(0);
  });

  describe('or streams', () => {
    const stream = async (userId = 7) => {
      const call = get(`${gateway.url}/v1/orders/1/stream`, {
        headers: { authorization: gateway.token(userId) },
      });
      const [answer] = (await once(call, 'response')) as [IncomingMessage];
      answer.on('error', () => undefined).resume();
      return answer;
    };
    const events = 'text/event-stream';

    it('blocks no request, however many streams are open, and bounds them', async () => {
      gateway = await runGateway({ STREAMS_MAX: '30', UPSTREAM_WAITING_MAX: '5' });
      gateway.answerWith((incoming, response) => {
        if (!incoming.url?.endsWith('/stream')) response.end('{}');
        else response.writeHead(200, { 'Content-Type': events }).flushHeaders();
      });
      const open = await Promise.all(Array.from({ length: 30 }, stream));
      expect(open.every(({ statusCode }) => statusCode === 200)).toBe(true);
      expect((await stream()).statusCode).toBe(503);
      expect((await ask('/v1/orders')).status).toBe(200);
      expect(await metric('gateway_upstream_streams{upstream="order",service="gateway"}')).toBe(30);
      for (const answer of open) answer.destroy();
      await waitUntil(
        async () => (await metric('gateway_upstream_streams{upstream="order",service="gateway"}')) === 0,
      );
      expect((await stream()).statusCode).toBe(200);
    });

    it('gives no user more streams than one may have, and room again when one of them ends', async () => {
      gateway = await runGateway({ STREAMS_PER_USER_MAX: '2' });
      gateway.answerWith((_incoming, response) => {
        response.writeHead(200, { 'Content-Type': events }).flushHeaders();
      });
      const [mine] = await Promise.all([stream(), stream()]);
      const refused = await stream();
      expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '5']);
      expect((await stream(8)).statusCode).toBe(200);
      mine.destroy();
      await waitUntil(async () => (await stream()).statusCode === 200);
      expect((await stream()).statusCode).toBe(429);
    });

    it('is asked for another when one is over', async () => {
      gateway = await runGateway({ STREAMS_MAX: '1' });
      gateway.answerWith((_incoming, response) => {
        response.writeHead(200, { 'Content-Type': events }).end(': \n\n');
      });
      for (let time = 0; time < 3; time += 1) {
        const answer = await stream();
        expect(answer.statusCode).toBe(200);
        await waitUntil(() => answer.complete);
      }
    });

    it('ends the streams of callers with itself', async () => {
      gateway = await runGateway();
      gateway.answerWith((_incoming, response) => {
        response.writeHead(200, { 'Content-Type': events }).write(': \n\n');
      });
      const answer = await stream();
      const ended = new Promise((resolve) => answer.once('close', resolve));
      gateway.service.server.closeAllConnections();
      await ended;
      expect(answer.complete).toBe(false);
    });
  });
});
