import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { waitUntil } from '@orderflow/testing/wait-until';
import { runGateway, type RunningGateway } from './running-gateway.test.ts';

describe('a gateway that is stopped', () => {
  let gateway: RunningGateway;
  afterEach(() => gateway.close());

  const open = async (path: string, agent?: Agent) => {
    const headers = { authorization: gateway.token() };
    const call = get(gateway.url + path, { headers, ...(agent ? { agent } : {}) });
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    answer.setEncoding('utf8');
    return answer;
  };
  const textOf = async (answer: IncomingMessage) => {
    let text = '';
    for await (const part of answer) text += String(part);
    return text;
  };

  it('ends streams as if they were over, finishes what runs, and takes nothing new, within its time', async () => {
    gateway = await runGateway();
    let finish = () => undefined as unknown;
    let leftByGateway = false;
    gateway.answerWith((incoming, response) => {
      if (incoming.url?.endsWith('/stream')) {
        response.once('close', () => (leftByGateway = true));
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('event: status\ndata: {}\n\n');
      } else finish = () => response.end('done');
    });
    const agent = new Agent({ keepAlive: true });
    const stream = await open('/v1/orders/1/stream', agent);
    const slow = open('/v1/products', agent);
    await waitUntil(() => gateway.seen.length === 2);
    const startedAt = performance.now();
    const stopped = gateway.stop();
    expect(await textOf(stream)).toBe('event: status\ndata: {}\n\n');
    expect(stream.complete).toBe(true);
    await waitUntil(() => leftByGateway, { what: 'the end of the stream at the service' });
    await expect(open('/v1/products')).rejects.toThrow('ECONNREFUSED');
    finish();
    const answer = await slow;
    expect(answer.headers.connection).toBe('close');
    expect(await textOf(answer)).toBe('done');
    await stopped;
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    agent.destroy();
  });

  it('answers 503 to who would wait longer than it may, and is gone within five seconds', async () => {
    gateway = await runGateway();
    gateway.answerWith(() => undefined);
    const slow = open('/v1/orders');
    await waitUntil(() => gateway.seen.length === 1);
    const startedAt = performance.now();
    const stopped = gateway.stop();
    const answer = await slow;
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(JSON.parse(await textOf(answer))).toMatchObject({ code: 'UNAVAILABLE' });
    await stopped;
    expect(performance.now() - startedAt).toBeLessThan(4_800);
    expect(performance.now() - startedAt).toBeGreaterThan(2_500);
  });

  it('is not ready any more while it finishes', async () => {
    gateway = await runGateway();
    let finish = () => undefined as unknown;
    gateway.answerWith((_incoming, response) => (finish = () => response.end('done')));
    const slow = open('/v1/products');
    await waitUntil(() => gateway.seen.length === 1);
    await waitUntil(async () => (await fetch(`${gateway.internalUrl}/readyz`)).status === 200);
    const stopped = gateway.stop();
    const ready = await fetch(`${gateway.internalUrl}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { missing: ['door'] }]);
    finish();
    await Promise.all([slow, stopped]);
  });
});
