import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createClient } from './client.ts';
import { isUnreachable } from './errors.ts';
import type { OrderUpdate } from './order-watch.ts';
import {
  answer,
  cutOff,
  playScenes,
  problem,
  type Scene,
  type ScriptedServer,
  until,
} from './scripted-server.test.ts';

let server: ScriptedServer;

afterEach(() => server.close());

const event = (id: number, status: string) =>
  `event: status\nid: ${id}\ndata: {"id":7,"status":"${status}"}\n\n`;

function open(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text);
}

/** Sends and closes in order, as a server does that stops. */
const stream =
  (...events: readonly string[]): Scene =>
  (response) => {
    open(response, events.join(''));
    response.end();
  };

/** Sends and is gone, in the midst of an event. */
const broken =
  (...events: readonly string[]): Scene =>
  (response) => {
    open(response, `${events.join('')}event: status\nid: 99\nda`);
    setImmediate(() => response.destroy());
  };

/** Sends and stays open. */
const lasting =
  (...events: readonly string[]): Scene =>
  (response) =>
    open(response, events.join(''));

const gone: Scene = (response) => void response.writeHead(204).end();

async function play(...scenes: readonly Scene[]) {
  server = await playScenes(...scenes);
  let asked = 0;
  return createClient({
    baseUrl: `${server.url}/`,
    token: async () => `token-${(asked += 1)}`,
    retry: { limitMs: 2000 },
  });
}

async function statuses(updates: AsyncIterable<OrderUpdate>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { order, eventId } of updates) seen.push(`${eventId} ${order.status}`);
  return seen;
}

describe('watching an order', () => {
  it.each(['PAID', 'CANCELLED'])('ends with %s', async (status) => {
    const client = await play(lasting(event(1, 'CREATED'), ': alive\n\n', event(2, status)));
    expect(await statuses(client.watchOrder(7))).toEqual(['1 CREATED', `2 ${status}`]);
    expect(server.seen).toHaveLength(1);
    expect(server.seen[0]).toMatchObject({ method: 'GET', path: '/v1/orders/7/stream' });
    expect(server.seen[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      authorization: 'Bearer token-1',
    });
    expect(server.seen[0]?.headers).not.toHaveProperty('last-event-id');
  });

  it('goes on after the last event when a connection is closed, lost or refused for a while', async () => {
    const client = await play(
      stream(event(1, 'CREATED')),
      problem(503, 'UNAVAILABLE'),
      cutOff,
      problem(429, 'RATE_LIMITED'),
      broken(event(2, 'STOCK_RESERVED')),
      lasting(event(3, 'PAID')),
    );
    expect(await statuses(client.watchOrder(7))).toEqual(['1 CREATED', '2 STOCK_RESERVED', '3 PAID']);
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      '1',
      '1',
      '1',
      '1',
      '2',
    ]);
    const tokens = new Set(server.seen.map(({ headers }) => headers.authorization));
    expect(tokens.size).toBe(server.seen.length);
  });

  it('comes back soon to a server that had something to say', async () => {
    const states = [1, 2, 3, 4, 5].map((id) => stream(event(id, 'CREATED')));
    const client = await play(...states, lasting(event(6, 'PAID')));
    const startedAt = performance.now();
    expect(await statuses(client.watchOrder(7))).toHaveLength(6);
    // Pauses that grow would add up to 1.5 s at least.
    expect(performance.now() - startedAt).toBeLessThan(1400);
  });

  it('counts the time for retries from the loss of the stream, however long that lasted', async () => {
    const limitMs = 300;
    await play(
      (response) => {
        open(response, event(1, 'CREATED'));
        setTimeout(() => response.destroy(), 2 * limitMs);
      },
      lasting(event(2, 'PAID')),
    );
    const client = createClient({ baseUrl: server.url, retry: { limitMs } });
    expect(await statuses(client.watchOrder(7))).toEqual(['1 CREATED', '2 PAID']);
  });

  it('leaves out events that are no statuses', async () => {
    const client = await play(
      lasting('event: weather\nid: 8\ndata: {"status":"PAID"}\n\n', event(9, 'CANCELLED')),
    );
    expect(await statuses(client.watchOrder(7))).toEqual(['9 CANCELLED']);
  });

  it('gives a stream up that is silent for 45 s, and no sooner', async () => {
    await play(gone);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    try {
      const bodies: Array<ReadableStreamDefaultController<Uint8Array>> = [];
      const fetch = async (_url: string, { signal }: RequestInit) => {
        const start = (body: ReadableStreamDefaultController<Uint8Array>) => {
          bodies.push(body);
          signal?.addEventListener('abort', () => body.error(signal.reason));
        };
        return new Response(new ReadableStream({ start }));
      };
      const watched = statuses(createClient({ baseUrl: server.url, fetch }).watchOrder(7));
      await jest.advanceTimersByTimeAsync(40_000);
      bodies[0]?.enqueue(new TextEncoder().encode(': alive\n\n'));
      await jest.advanceTimersByTimeAsync(44_000);
      expect(bodies).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(2000);
      expect(bodies).toHaveLength(2);
      bodies[1]?.enqueue(new TextEncoder().encode(event(1, 'PAID')));
      expect(await watched).toEqual(['1 PAID']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('begins after the event that it is given, and ends when there is no more to come', async () => {
    const client = await play(gone);
    expect(await statuses(client.watchOrder(7, { lastEventId: '3' }))).toEqual([]);
    expect(server.seen[0]?.headers['last-event-id']).toBe('3');
  });

  it('with a token that has ended tries the source’s next one', async () => {
    const client = await play(problem(401, 'UNAUTHENTICATED'), lasting(event(1, 'PAID')));
    expect(await statuses(client.watchOrder(7))).toEqual(['1 PAID']);
    await server.close();
    server = await playScenes(problem(401, 'UNAUTHENTICATED'));
    const constant = createClient({ baseUrl: server.url, token: 'the same' });
    await expect(statuses(constant.watchOrder(7))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.seen).toHaveLength(1);
  });

  it('of somebody else’s order is refused', async () => {
    const client = await play(problem(404, 'ORDER_NOT_FOUND'));
    await expect(statuses(client.watchOrder(7))).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });

  it('is given up when no stream is to be had for the time of retries', async () => {
    const client = await play(cutOff);
    const failure: unknown = await statuses(client.watchOrder(7)).catch((error: unknown) => error);
    expect(isUnreachable(failure)).toBe(true);
    await server.close();
    server = await playScenes(problem(503, 'UNAVAILABLE'));
    const other = createClient({ baseUrl: server.url, retry: { limitMs: 200 } });
    await expect(statuses(other.watchOrder(7))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('waits before a reconnect as long as the stream asks for', async () => {
    const client = await play(stream('retry: 600\n\n', event(1, 'CREATED')), lasting(event(2, 'PAID')));
    const startedAt = performance.now();
    await statuses(client.watchOrder(7));
    expect(performance.now() - startedAt).toBeGreaterThan(600);
  });

  it('ends with the caller’s signal, and closes its connection when the caller stops listening', async () => {
    let closed = 0;
    const scene: Scene = (response) => {
      response.on('close', () => (closed += 1));
      open(response, event(1, 'CREATED'));
    };
    const client = await play(scene);
    const leaving = new AbortController();
    const watched = statuses(client.watchOrder(7, { signal: leaving.signal }));
    await until(() => server.seen.length === 1);
    const reason = new Error('enough');
    leaving.abort(reason);
    await expect(watched).rejects.toBe(reason);
    const once = createClient({ baseUrl: server.url, retry: false });
    const aborted = statuses(once.watchOrder(7, { signal: AbortSignal.abort(reason) }));
    await expect(aborted).rejects.toBe(reason);
    for await (const { order } of client.watchOrder(7)) {
      expect(order.status).toBe('CREATED');
      break;
    }
    await until(() => closed === 2);
  });
});

describe('waiting for an order', () => {
  it('gives it once it is over, however that is', async () => {
    const client = await play(lasting(event(1, 'CREATED'), event(2, 'CANCELLED')));
    expect(await client.untilFinal(7)).toMatchObject({ status: 'CANCELLED' });
  });

  it('asks for it when the stream has nothing more to say', async () => {
    const client = await play(gone, answer(200, { id: 7, status: 'PAID' }));
    expect(await client.untilFinal(7)).toEqual({ id: 7, status: 'PAID' });
  });

  it('until it is paid throws OrderRefused when it is not', async () => {
    const client = await play(lasting(event(1, 'PAID')), lasting(event(1, 'CANCELLED')));
    expect(await client.untilPaid(7)).toMatchObject({ status: 'PAID' });
    await expect(client.untilPaid(7)).rejects.toMatchObject({ name: 'OrderRefused', order: { id: 7 } });
  });
});
