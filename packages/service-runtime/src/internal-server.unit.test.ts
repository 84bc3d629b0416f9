import { afterEach, describe, expect, it } from '@jest/globals';
import { startInternalServer, type Check } from './internal-server.ts';
import type { Listening } from './listen.ts';
import { createMetrics } from './metrics.ts';

describe('the internal port', () => {
  let server: Listening | undefined;
  afterEach(() => server?.close());

  async function ask(
    path: string,
    ready: () => Promise<readonly Check[]> = () => Promise.resolve([]),
    live: readonly Check[] = [],
  ) {
    const metrics = createMetrics('test');
    metrics.observeHttp('GET /v1/things', 200, 0.01);
    await server?.close();
    server = await startInternalServer({
      host: '127.0.0.1',
      port: 0,
      registry: metrics.registry,
      live: () => live,
      ready,
    });
    const answer = await fetch(`${server.url}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  it('is ready when every check holds', async () => {
    const { status, text } = await ask('/readyz', () => Promise.resolve([{ name: 'database', ok: true }]));
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { status: 'ok', missing: [], checks: [{ name: 'database', ok: true }] },
    ]);
  });

  it('names what is missing otherwise', async () => {
    const checks = [
      { name: 'database', ok: true },
      { name: 'coupon.apply', ok: false, detail: 'not joined' },
    ];
    const { status, text } = await ask('/readyz', () => Promise.resolve(checks));
    expect([status, JSON.parse(text)]).toMatchObject([
      503,
      { status: 'unavailable', missing: ['coupon.apply'] },
    ]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no database')), 'no database'],
    ['hangs', () => new Promise<never>(() => undefined), 'no result in 2000 ms'],
  ])('is not ready when a check %s', async (_how, ready, detail) => {
    const { status, text } = await ask('/readyz', ready);
    expect([status, JSON.parse(text)]).toMatchObject([503, { checks: [{ ok: false, detail }] }]);
  });

  it('is alive whatever its backends do, until a check of its own progress fails', async () => {
    const noBackend = () => Promise.reject(new Error('no database'));
    expect((await ask('/livez', noBackend)).status).toBe(200);
    expect((await ask('/livez', noBackend, [{ name: 'consumer', ok: false }])).status).toBe(503);
  });

  it('shows Node’s metrics and those of requests, each with its service', async () => {
    const { text } = await ask('/metrics');
    expect(text).toContain('process_cpu_user_seconds_total');
    const counted =
      'http_request_duration_seconds_count{service="test",route="GET /v1/things",status="200"} 1';
    expect(text.split('\n')).toContain(counted);
  });

  it('has nothing else', async () => {
    expect((await ask('/')).status).toBe(404);
  });
});
