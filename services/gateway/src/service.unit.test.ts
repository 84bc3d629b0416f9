import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { get, request as send, type IncomingMessage, type RequestListener } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import request from 'supertest';
import { gatewayConfig } from './config.ts';
import { startGateway } from './service.ts';

const host = '127.0.0.1';

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const taken = await listen(() => undefined, { host, port: 0 });
  await taken.close();
  return taken.port;
}

describe('the gateway', () => {
  let directory: string;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let service: Listening;
  let seen: IncomingMessage[];
  let answer: RequestListener;

  beforeEach(async () => {
    seen = [];
    answer = (_request, response) => response.end('{}');
    service = await listen(
      (incoming, response) => {
        seen.push(incoming);
        answer(incoming, response);
      },
      { host, port: 0 },
    );
    gateway = await start();
  });
  afterEach(async () => {
    await gateway.stop();
    service.server.closeAllConnections();
    await service.close();
  });

  // Together, since making a key takes up to a second.
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'orderflow-gateway-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function start(more: Record<string, string> = {}) {
    const port = await freePort();
    const away = `http://${host}:${await freePort()}`;
    const started = await startGateway(
      gatewayConfig({
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        PORT: String(port),
        INTERNAL_PORT: '0',
        REDIS_URL: 'redis://127.0.0.1:1',
        JWT_ISSUER: 'https://issuer.example',
        JWT_AUDIENCE: 'orderflow',
        JWKS_URL: `http://${host}:${port}/.well-known/jwks.json`,
        LOCAL_SIGNING_KEY_FILE: join(directory, 'jwt.pem'),
        ORDER_URL: service.url,
        PRODUCT_URL: service.url,
        COUPON_URL: service.url,
        USER_BALANCE_URL: service.url,
        PAYMENT_URL: away,
        UPSTREAM_TIMEOUT_MS: '500',
        ...more,
      }),
    );
    return started;
  }

  async function token(roles: readonly string[] = []): Promise<string> {
    const { body } = await request(gateway.url).post('/v1/auth/token').send({ userId: 7, roles }).expect(200);
    return `Bearer ${(body as { accessToken: string }).accessToken}`;
  }

  const coded = (status: number, code: string) => (given: request.Response) => {
    expect(given.headers['content-type']).toBe('application/problem+json');
    expect(given.body).toMatchObject({ status, code, requestId: given.headers['x-request-id'] });
    expect(given.status).toBe(status);
  };

  describe('sends on', () => {
    it('a request with its method, target, body and headers, and the answer as it is', async () => {
      let body = '';
      answer = (incoming, response) => {
        incoming.setEncoding('utf8').on('data', (part: string) => (body += part));
        incoming.on('end', () =>
          response.writeHead(202, { Location: '/v1/orders/1', 'X-Request-Id': 'theirs' }).end('{"id":1}'),
        );
      };
      const given = await request(gateway.url)
        .post('/v1/orders?dry=1')
        .set('Authorization', await token())
        .set({
          'X-Request-Id': 'mine',
          'Idempotency-Key': 'k',
          'X-User-Id': '1',
          'X-Forwarded-For': '10.0.0.1',
        })
        .send({ items: [] });
      expect([given.status, given.text, given.headers['location']]).toEqual([
        202,
        '{"id":1}',
        '/v1/orders/1',
      ]);
      const [incoming] = seen;
      expect([incoming?.method, incoming?.url, body]).toEqual(['POST', '/v1/orders?dry=1', '{"items":[]}']);
      expect(incoming?.headers).toMatchObject({
        host: new URL(service.url).host,
        'x-request-id': 'mine',
        'idempotency-key': 'k',
      });
      expect(incoming?.headers['traceparent']).toMatch(/^00-/);
      expect(incoming?.headers).not.toHaveProperty('x-user-id');
      expect(incoming?.headers).not.toHaveProperty('x-forwarded-for');
      expect(given.headers['x-request-id']).toBe('mine');
    });

    it('reads without a token where anyone may read', async () => {
      await request(gateway.url).get('/v1/products?limit=1').expect(200);
      await request(gateway.url).head('/v1/coupon-sources').expect(200);
    });

    it('a refusal of the service untouched', async () => {
      const problem = '{"code":"SOLD_OUT"}';
      answer = (_incoming, response) =>
        response.writeHead(409, { 'Content-Type': 'application/problem+json' }).end(problem);
      const given = await request(gateway.url)
        .post('/v1/coupon-sources/1/coupons')
        .set('Authorization', await token());
      expect([given.status, given.text]).toEqual([409, problem]);
    });

    it('a stream at once and piece by piece, and ends it for the service when the caller leaves', async () => {
      let speak = () => undefined as unknown;
      const left = new Promise((resolve) => {
        answer = (_incoming, response) => {
          response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
          speak = () => response.write('event: status\n\n');
          // Never silent for long, so that only the caller's leaving can end it.
          const heartbeat = setInterval(() => response.write(': \n\n'), 100);
          response.once('close', () => {
            clearInterval(heartbeat);
            resolve(performance.now());
          });
        };
      });
      const call = get(`${gateway.url}/v1/orders/1/stream`, { headers: { authorization: await token() } });
      const [stream] = (await once(call, 'response')) as [IncomingMessage];
      speak();
      const [piece] = (await once(stream, 'data')) as [Buffer];
      expect(piece.toString()).toContain('event: status');
      stream.once('error', () => undefined);
      call.destroy();
      await left;
    });

    it('half an answer as a broken connection, never as a whole one', async () => {
      answer = (_incoming, response) => {
        response.writeHead(200).write('half');
        setTimeout(() => response.destroy(), 20);
      };
      await expect(request(gateway.url).get('/v1/products')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    });
  });

  describe('refuses', () => {
    it('requests without a good token before the service hears of them', async () => {
      await request(gateway.url)
        .get('/v1/orders')
        .expect('WWW-Authenticate', /Bearer/)
        .expect(coded(401, 'UNAUTHENTICATED'));
      await request(gateway.url)
        .get('/v1/products/1/daily-sales')
        .set('Authorization', 'Bearer a.b.c')
        .expect(coded(401, 'UNAUTHENTICATED'));
      expect(seen).toHaveLength(0);
    });

    it('bodies above 32 KB before the service hears of them, announced or not', async () => {
      const authorization = await token();
      const large = JSON.stringify({ text: 'x'.repeat(40_000) });
      const announced = request(gateway.url).post('/v1/orders').set('Authorization', authorization);
      await announced
        .set('Content-Type', 'application/json')
        .send(large)
        .expect(coded(413, 'BODY_TOO_LARGE'));
      const call = send(`${gateway.url}/v1/orders`, {
        method: 'POST',
        headers: { authorization, 'transfer-encoding': 'chunked' },
      });
      call.on('error', () => undefined).end(large);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(413);
      expect(seen).toHaveLength(0);
    });

    it('what a service would answer while it is away, with Retry-After', async () => {
      const given = await request(gateway.url)
        .get('/v1/payments')
        .set('Authorization', await token());
      coded(503, 'UNAVAILABLE')(given);
      expect(given.headers['retry-after']).toBe('1');
    });

    it('to wait for a service that has fallen silent', async () => {
      answer = () => undefined;
      await request(gateway.url).get('/v1/products').expect(coded(503, 'UNAVAILABLE'));
    });

    it('paths of no service and methods of no route with problem+json', async () => {
      await request(gateway.url).get('/v1/nothing').expect(coded(404, 'ROUTE_NOT_FOUND'));
      await request(gateway.url)
        .get('/v1/auth/token')
        .expect('Allow', 'POST')
        .expect(coded(405, 'METHOD_NOT_ALLOWED'));
      await request(gateway.url)
        .post('/v1/auth/token')
        .send({ userId: 0, role: 'x' })
        .expect(coded(400, 'VALIDATION_FAILED'));
      await request(gateway.url).get('/').set('X-Big', 'x'.repeat(20_000)).expect(431);
    });
  });

  it('hands out tokens that it and the services accept, and that survive its restart', async () => {
    const authorization = await token(['admin']);
    await request(gateway.url).get('/v1/orders').set('Authorization', authorization).expect(200);
    await gateway.stop();
    gateway = await start();
    await request(gateway.url).get('/v1/orders').set('Authorization', authorization).expect(200);
  });

  it('has no token endpoint outside local mode', async () => {
    await gateway.stop();
    gateway = await start({ LOCAL_SIGNING_KEY_FILE: '' });
    await request(gateway.url)
      .post('/v1/auth/token')
      .send({ userId: 1 })
      .expect(coded(404, 'ROUTE_NOT_FOUND'));
    await request(gateway.url).get('/.well-known/jwks.json').expect(coded(404, 'ROUTE_NOT_FOUND'));
    await request(gateway.internalUrl)
      .get('/readyz')
      .expect(503, /"missing":\["token issuer"\]/);
  });

  it('tells browsers what they may do, and nothing of what it runs on', async () => {
    const preflight = await request(gateway.url).options('/v1/orders').set({
      Origin: 'https://shop.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'idempotency-key',
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': expect.stringMatching(
        /^(?=.*Authorization)(?=.*Idempotency-Key)(?=.*Prefer)(?=.*Last-Event-ID)(?=.*traceparent)/,
      ),
      'access-control-max-age': '600',
    });
    const given = await request(gateway.url).get('/v1/products').set('Origin', 'https://shop.example');
    expect(given.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'access-control-expose-headers': expect.stringMatching(
        /^(?=.*Location)(?=.*RateLimit,)(?=.*RateLimit-Policy)(?=.*Preference-Applied)/,
      ),
    });
    expect(given.headers).not.toHaveProperty('x-powered-by');
  });

  it('finishes what runs when it is stopped', async () => {
    let finish = () => undefined as unknown;
    const arrived = new Promise((resolve) => {
      answer = (_incoming, response) => {
        finish = () => response.end('done');
        resolve(undefined);
      };
    });
    const running = request(gateway.url)
      .get('/v1/products')
      .then((given) => given.text);
    await arrived;
    const stopped = gateway.stop();
    finish();
    expect(await running).toBe('done');
    await stopped;
    await expect(request(gateway.url).get('/v1/products')).rejects.toThrow('ECONNREFUSED');
    gateway = await start();
  });
});
