import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { waitUntil } from '@orderflow/testing/wait-until';
import { z } from 'zod';
import { createHttpApp } from './http-app.ts';
import { listen, type Listening } from './listen.ts';
import { createLogger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { problem } from './problem.ts';
import { defineRoute, type ServerEvent } from './route.ts';

interface Counting {
  readonly n: number;
  readonly text?: string;
}

const dataSchema = z.strictObject({ n: z.int(), text: z.string().optional() });
const HOUR_MS = 3_600_000;

describe('a stream of events', () => {
  let door: Listening;
  let metrics: Metrics;
  let closing: AbortController;
  let expiresAt: number;
  /** Takes events by write(). */
  let source: PassThrough;
  let events: AsyncIterable<ServerEvent<Counting>>;
  let signal: AbortSignal | undefined;

  beforeEach(() => serve());
  afterEach(stop);

  async function serve(heartbeatMs = 60_000): Promise<void> {
    expiresAt = Date.now() + HOUR_MS;
    source = new PassThrough({ objectMode: true });
    events = source as AsyncIterable<ServerEvent<Counting>>;
    metrics = createMetrics('test');
    closing = new AbortController();
    const count = defineRoute({
      method: 'GET',
      path: '/v1/count/{what}',
      caller: 'user',
      summary: 'Counts',
      params: z.object({ what: z.string() }),
      stream: { event: 'number', data: dataSchema },
      answers: { 204: z.undefined() },
      problems: ['ORDER_NOT_FOUND'],
      handle: (request) => {
        if (request.params.what === 'nothing') return { status: 204, body: undefined };
        if (request.params.what === 'missing') throw problem('ORDER_NOT_FOUND', { detail: 'no' });
        signal = request.signal;
        return { status: 200, events, headers: { 'X-Extra': '1' } };
      },
    });
    door = await listen(
      createHttpApp({
        routes: [count],
        verifyToken: () => Promise.resolve({ userId: 1, roles: new Set(), expiresAt }),
        logger: createLogger({ service: 'test', level: 'silent' }),
        metrics,
        checkAnswers: true,
        closing: closing.signal,
        heartbeatMs,
      }),
      { host: '127.0.0.1', port: 0 },
    );
  }

  async function stop(): Promise<void> {
    closing.abort();
    await door.close();
  }

  async function serveWithHeartbeats(): Promise<void> {
    await stop();
    await serve(20);
  }

  /** Resolves when the count stays the same for a fifth of a second. */
  async function standsStill(count: () => number): Promise<void> {
    let before = -1;
    await waitUntil(
      () => {
        const stands = count() > 0 && count() === before;
        before = count();
        return stands;
      },
      { what: 'a standstill', intervalMs: 200 },
    );
  }

  /** Calls, and resolves with the headers: a stream's come before its first event. */
  function open(what = 'up', method = 'GET'): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = httpRequest(`${door.url}/v1/count/${what}`, { method }, resolve);
      call.on('error', reject);
      call.end();
    });
  }

  /** What has come so far, without heartbeats, and how it ended. */
  function reading(answer: IncomingMessage) {
    const seen = { text: '', heartbeats: 0, end: '' };
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      seen.heartbeats += chunk.split(':\n\n').length - 1;
      seen.text += chunk.replaceAll(/^:\n\n/gm, '');
    });
    answer.on('end', () => (seen.end = 'whole'));
    answer.on('error', () => (seen.end = 'broken'));
    return seen;
  }

  const figure = async (name: string) => (await metrics.registry.getSingleMetricAsString(name)).split('\n');

  it('brings its headers at once, each event as it comes, and ends with its source', async () => {
    const answer = await open();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-extra': '1',
      'x-request-id': expect.any(String),
    });
    const seen = reading(answer);
    source.write({ id: 7, data: { n: 1 } });
    await waitUntil(() => seen.text === 'id: 7\nevent: number\ndata: {"n":1}\n\n');
    source.end({ id: 8, data: { n: 2 } });
    await waitUntil(() => seen.end === 'whole');
    expect(seen.text).toMatch(/id: 8\nevent: number\ndata: \{"n":2\}\n\n$/);
  });

  it('is counted while it is open, and its length is not the time of an answer', async () => {
    await serveWithHeartbeats();
    const seen = reading(await open());
    expect(await figure('http_streams_open')).toContain(
      'http_streams_open{route="GET /v1/count/{what}",service="test"} 1',
    );
    await waitUntil(() => seen.heartbeats >= 10, { what: 'ten heartbeats of 20 ms' });
    source.end();
    await waitUntil(() => seen.end === 'whole');
    expect(await figure('http_streams_open')).toContain(
      'http_streams_open{route="GET /v1/count/{what}",service="test"} 0',
    );
    expect(await figure('http_streams_ended_total')).toContain(
      'http_streams_ended_total{route="GET /v1/count/{what}",end="complete",service="test"} 1',
    );
    const [sum] = (await figure('http_request_duration_seconds')).filter((line) => line.includes('_sum{'));
    expect(Number(sum?.split(' ').at(-1))).toBeLessThan(0.15);
  });

  it('sends a comment while nothing happens', async () => {
    await serveWithHeartbeats();
    const seen = reading(await open());
    await waitUntil(() => seen.heartbeats >= 3);
    expect(seen.text).toBe('');
  });

  it('ends whole when the token does, and tells its source', async () => {
    expiresAt = Date.now() + 50;
    const seen = reading(await open());
    await waitUntil(() => seen.end !== '');
    expect(seen.end).toBe('whole');
    await waitUntil(() => signal?.aborted === true, { what: 'the signal' });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  });

  it('ends whole and at once when the process stops', async () => {
    const seen = reading(await open());
    const startedAt = performance.now();
    closing.abort();
    await door.close();
    expect(performance.now() - startedAt).toBeLessThan(350);
    await waitUntil(() => seen.end !== '');
    expect(seen.end).toBe('whole');
    expect(signal?.aborted).toBe(true);
  });

  it('tells its source when the caller is gone', async () => {
    const answer = await open();
    answer.destroy();
    await waitUntil(() => signal?.aborted === true, { what: 'the signal' });
    expect(await figure('http_streams_ended_total')).toContain(
      'http_streams_ended_total{route="GET /v1/count/{what}",end="gone",service="test"} 1',
    );
  });

  it('asks for no event that the caller does not take, and goes on when it reads again', async () => {
    let made = 0;
    const text = 'x'.repeat(100_000);
    events = (async function* () {
      // More than the buffers of both ends hold: 100 MB.
      while (made < 1_000) yield await Promise.resolve({ id: (made += 1), data: { n: made, text } });
    })();
    const answer = await open();
    await standsStill(() => made);
    expect(made).toBeLessThan(500);
    const seen = reading(answer);
    await waitUntil(() => seen.end === 'whole', { timeoutMs: 20_000 });
    expect(made).toBe(1_000);
  });

  it('lets a caller go who reads nothing when its token ends', async () => {
    expiresAt = Date.now() + 500;
    let made = 0;
    const text = 'x'.repeat(100_000);
    events = (async function* () {
      for (;;) yield await Promise.resolve({ id: (made += 1), data: { n: made, text } });
    })();
    const answer = await open();
    answer.on('error', () => undefined);
    await waitUntil(() => signal?.aborted === true, { what: 'the end' });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  });

  it('is a problem as long as nothing was sent, and a broken connection afterwards', async () => {
    const refused = await open('missing');
    expect([refused.statusCode, refused.headers['content-type']]).toEqual([404, 'application/problem+json']);
    refused.resume();
    const seen = reading(await open());
    source.write({ id: 1, data: { n: 1 } });
    await waitUntil(() => seen.text.includes('id: 1'));
    source.destroy(new Error('the source broke'));
    await waitUntil(() => seen.end !== '');
    expect(seen.end).toBe('broken');
  });

  it('is broken by an event that its schema does not allow', async () => {
    const seen = reading(await open());
    source.write({ id: 1, data: { n: 'one' } });
    await waitUntil(() => seen.end !== '');
    expect([seen.end, seen.text]).toEqual(['broken', '']);
  });

  it('may be refused with another declared answer, and HEAD opens none', async () => {
    expect((await open('nothing')).statusCode).toBe(204);
    const head = await open('up', 'HEAD');
    expect([head.statusCode, head.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect((await figure('http_streams_open')).filter((line) => line.endsWith(' 1'))).toEqual([]);
  });
});
