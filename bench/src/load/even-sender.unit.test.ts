import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EvenSender, type Answers, type EvenLoad } from './even-sender.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = (index: number) => `POST /${index} HTTP/1.1\r\nHost: bench\r\nContent-Length: 2\r\n\r\n{}`;
const sender = (load: Partial<EvenLoad> & Pick<EvenLoad, 'url'>) =>
  new EvenSender({ rate: 100, count: 50, connections: 8, timeoutMs: 10_000, request, ...load });

function latencies({ scheduledAt, answeredAt }: Answers): number[] {
  return [...answeredAt].map((at, index) => at - (scheduledAt[index] as number));
}

describe('EvenSender', () => {
  it('sends each request once, evenly spaced, at the rate asked for', async () => {
    const arrivals: number[] = [];
    const url = await listen((incoming, response) => {
      arrivals.push(Number(incoming.url?.slice(1)));
      response.end();
    });
    const startedAt = performance.now();
    const answers = await sender({ url, rate: 200, count: 100 }).run();
    const elapsed = performance.now() - startedAt;

    expect(arrivals.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect([...answers.status]).toEqual(Array.from({ length: 100 }, () => 200));
    expect(elapsed).toBeGreaterThan(99 * 5);
    const gaps = [...answers.scheduledAt.slice(1)].map(
      (at, index) => at - (answers.scheduledAt[index] as number),
    );
    for (const gap of gaps) expect(gap).toBeCloseTo(5, 2);
  });

  it('tells times of the wall clock', async () => {
    const url = await listen((_incoming, response) => response.end());
    const before = Date.now();
    const { scheduledAt, answeredAt } = await sender({ url, count: 3 }).run();
    expect(scheduledAt[0]).toBeGreaterThan(before - 2);
    expect(answeredAt[2]).toBeLessThan(Date.now() + 2);
  });

  it('counts the wait of requests behind a server that stalls (no coordinated omission)', async () => {
    const stallMs = 200;
    const url = await listen((incoming, response) => {
      if (incoming.url === '/10') setTimeout(() => response.end(), stallMs);
      else response.end();
    });
    // One connection: what is due during the stall can only be sent after it.
    const waits = latencies(await sender({ url, connections: 1 }).run());

    // Request 10 waits 200 ms, 11 waits 190, 12 waits 180 …
    for (let late = 0; late < 15; late += 1)
      expect(waits[10 + late]).toBeGreaterThan(stallMs - 10 * late - 5);
    expect(waits.slice(0, 10).toSorted((a, b) => a - b)[5]).toBeLessThan(50);
  });

  it('opens connections up to its bound while others are busy, and uses them again', async () => {
    const url = await listen((_incoming, response) => void setTimeout(() => response.end(), 100));
    const server = servers[0] as Server;
    let connections = 0;
    server.on('connection', () => (connections += 1));
    // 100 requests a second for 100 ms each need ten connections; three carry 30 a second.
    const waits = latencies(await sender({ url, connections: 3, count: 12 }).run());
    expect(connections).toBe(3);
    expect(waits[11]).toBeGreaterThan(250);
  });

  it('reads the order from Location, and else from the body, also in pieces', async () => {
    const url = await listen((incoming, response) => {
      if (incoming.url === '/0') {
        response.statusCode = 202;
        response.setHeader('Location', '/v1/orders/4711');
        response.end('{}');
        return;
      }
      const body = incoming.url === '/1' ? '{"id":4712,"userId":1}' : '{"id" : 4713, "userId" : 1}';
      response.writeHead(201, { 'Content-Length': body.length });
      response.write(body.slice(0, 6));
      setTimeout(() => response.end(body.slice(6)), 20);
    });
    const answers = await sender({ url, count: 3 }).run();
    expect([...answers.status]).toEqual([202, 201, 201]);
    expect([...answers.orderId]).toEqual([4711, 4712, 4713]);
  });

  it('goes on when connections are cut; what was under way has failed', async () => {
    const url = await listen((incoming, response) => {
      if (incoming.url === '/1') incoming.socket.destroy();
      else response.end();
    });
    const { status, answeredAt } = await sender({ url, count: 4 }).run();
    expect([...status]).toEqual([200, 0, 200, 200]);
    expect(answeredAt[1]).toBe(0);
  });

  it('cannot read an answer that does not tell its length: that has failed at once', async () => {
    const url = await listen((_incoming, response) => {
      response.write('{');
      response.end('}');
    });
    const startedAt = performance.now();
    expect([...(await sender({ url, count: 2 }).run()).status]).toEqual([0, 0]);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('gives up what has no answer in time; what still waits is not sent any more', async () => {
    let requests = 0;
    const url = await listen(() => (requests += 1));
    const startedAt = performance.now();
    const { status } = await sender({ url, count: 20, connections: 2, timeoutMs: 300 }).run();
    expect([...status].filter((code) => code !== 0)).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(requests).toBe(2);
  });

  it('ends early when it is stopped, with the answers so far', async () => {
    const url = await listen((incoming, response) => {
      if (incoming.url === '/5') stopped.stop();
      response.end();
    });
    const stopped = sender({ url, count: 10_000 });
    const { status } = await stopped.run();
    expect(status.length).toBeGreaterThanOrEqual(6);
    expect(status.length).toBeLessThan(20);
    expect([...status]).not.toContain(0);
  });
});
