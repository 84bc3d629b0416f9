import { afterEach, describe, expect, it } from '@jest/globals';
import { isUnreachable, type Unreachable } from './errors.ts';
import { createSender, type SenderOptions, type SendOptions } from './request-sender.ts';
import {
  answer,
  cutInBody,
  cutOff,
  hang,
  playScenes,
  problem,
  type Scene,
  type ScriptedServer,
  deserted,
  until,
} from './scripted-server.test.ts';

let server: ScriptedServer;

afterEach(() => server.close());

async function play(...scenes: readonly Scene[]): Promise<ScriptedServer> {
  server = await playScenes(...scenes);
  return server;
}

const KEY = { 'idempotency-key': 'key-1' };
const away = problem(503, 'UNAVAILABLE');

function send(
  method: string,
  {
    headers = {},
    signal,
    options,
    ...sender
  }: SenderOptions & { headers?: Record<string, string>; signal?: AbortSignal; options?: SendOptions } = {},
): Promise<Response> {
  const init = {
    method,
    headers,
    ...(method === 'GET' ? {} : { body: '{"a":1}' }),
    ...(signal === undefined ? {} : { signal }),
  };
  return createSender(sender).send(new Request(`${server.url}/x`, init), options);
}

async function unreachable(sending: Promise<Response>): Promise<Unreachable> {
  const error = await sending.then(
    ({ status }) => new Error(`answered with ${status}`),
    (error: unknown) => error,
  );
  if (!isUnreachable(error)) throw error as Error;
  return error;
}

describe('a request that may be sent twice', () => {
  it.each([
    ['GET', {}],
    ['POST', KEY],
    ['PUT', {}],
  ])('(%s) is sent again, the same, after 503 and a lost answer', async (method, headers) => {
    const { seen } = await play(away, cutOff, cutInBody, answer(200, { id: 7 }));
    const response = await send(method, { headers });
    expect(await response.json()).toEqual({ id: 7 });
    expect(seen).toHaveLength(4);
    for (const { method: sent, body, headers: got } of seen) {
      expect([sent, body]).toEqual([method, method === 'GET' ? '' : '{"a":1}']);
      expect(got).toMatchObject(headers);
    }
  });

  it('is sent again when its caller says that it does no harm', async () => {
    const { seen } = await play(cutOff, away, answer(201));
    expect((await send('POST', { options: { resend: true } })).status).toBe(201);
    expect(seen).toHaveLength(3);
  });

  it('waits while another request with its key runs, and for no other conflict', async () => {
    await play(problem(409, 'IDEMPOTENCY_IN_PROGRESS'), problem(409, 'SOLD_OUT'));
    const response = await send('POST', { headers: KEY });
    expect(await response.json()).toMatchObject({ code: 'SOLD_OUT' });
    expect(server.seen).toHaveLength(2);
  });

  it('waits as long as Retry-After says', async () => {
    await play(problem(503, 'UNAVAILABLE', { 'retry-after': '1' }), answer(200));
    const startedAt = performance.now();
    await send('GET');
    expect(performance.now() - startedAt).toBeGreaterThan(1000);
  });

  it('is given up when its time is over: with the answer, or without one', async () => {
    await play(away);
    expect((await send('GET', { retry: { limitMs: 300 } })).status).toBe(503);
    expect(server.seen.length).toBeGreaterThan(1);
    await server.close();
    await play(cutOff);
    const error = await unreachable(send('GET', { retry: { limitMs: 300 } }));
    expect(error).toMatchObject({ tries: server.seen.length, maybeReceived: true });
  });

  it('is not kept for a Retry-After beyond its time', async () => {
    await play(problem(503, 'SATURATED', { 'retry-after': '60' }));
    expect((await send('GET')).status).toBe(503);
    expect(server.seen).toHaveLength(1);
  });

  it('is sent again when an answer takes too long', async () => {
    await play(hang, answer(200));
    expect((await send('GET', { retry: { attemptMs: 100 } })).status).toBe(200);
  });

  it('is sent once when retries are off', async () => {
    await play(away);
    expect((await send('GET', { retry: false })).status).toBe(503);
    expect(server.seen).toHaveLength(1);
    await server.close();
    await play(problem(401, 'UNAUTHENTICATED'));
    let asked = 0;
    const token = async () => `token-${(asked += 1)}`;
    expect((await send('GET', { retry: false, token })).status).toBe(401);
    expect(server.seen).toHaveLength(1);
  });
});

describe('a POST without a key', () => {
  it('is never sent twice after it may have been received', async () => {
    await play(cutOff, answer(201));
    expect(await unreachable(send('POST'))).toMatchObject({ tries: 1, maybeReceived: true });
    expect(server.seen).toHaveLength(1);
    await server.close();
    await play(away, answer(201));
    expect((await send('POST')).status).toBe(503);
    expect(server.seen).toHaveLength(1);
    await server.close();
    await play(hang, answer(201));
    expect(await unreachable(send('POST', { retry: { attemptMs: 100 } }))).toMatchObject({ tries: 1 });
    expect(server.seen).toHaveLength(1);
  });

  it('is sent again when it was counted and turned away: 429', async () => {
    await play(problem(429, 'RATE_LIMITED'), answer(201));
    expect((await send('POST')).status).toBe(201);
  });

  it('is sent again when there was no connection, and says that nothing was received', async () => {
    server = { url: await deserted(), seen: [], close: async () => undefined };
    const error = await unreachable(send('POST', { retry: { limitMs: 300 } }));
    expect(error.maybeReceived).toBe(false);
    expect(error.tries).toBeGreaterThan(1);
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('a caller', () => {
  it('who goes away is told so at once, on the way and in between', async () => {
    const reason = new Error('enough');
    await play(hang);
    const waiting = new AbortController();
    const sent = send('POST', { signal: waiting.signal });
    await until(() => server.seen.length === 1);
    waiting.abort(reason);
    await expect(sent).rejects.toBe(reason);
    await server.close();

    await play(problem(503, 'UNAVAILABLE', { 'retry-after': '20' }));
    const pausing = new AbortController();
    const paused = send('GET', { signal: pausing.signal });
    await until(() => server.seen.length === 1);
    pausing.abort(reason);
    await expect(paused).rejects.toBe(reason);
  });

  it('is asked for a token before each try', async () => {
    await play(away, answer(200));
    let asked = 0;
    await send('GET', { token: async () => `token-${(asked += 1)}` });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
  });

  it('with a fresh token tries a refused one’s request again, once', async () => {
    await play(problem(401, 'UNAUTHENTICATED'));
    let asked = 0;
    expect((await send('POST', { token: async () => `token-${(asked += 1)}` })).status).toBe(401);
    expect(server.seen).toHaveLength(2);
    expect((await send('POST', { token: async () => 'the same' })).status).toBe(401);
    expect(server.seen).toHaveLength(3);
  });

  it('without a token sends none', async () => {
    await play(answer(200));
    await send('GET');
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('learns whether an effect may have been made before', async () => {
    let unsure = 0;
    const options = { resend: true, onUnsure: () => (unsure += 1) };
    await play(problem(429, 'RATE_LIMITED'), answer(201), cutOff, answer(201));
    await send('POST', { options });
    expect(unsure).toBe(0);
    await send('POST', { options });
    expect(unsure).toBe(1);
  });
});
