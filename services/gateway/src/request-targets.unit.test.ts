import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { createTokenVerifier, type TokenVerifier } from '@orderflow/service-runtime/auth';
import { pathId } from '@orderflow/service-runtime/fields';
import { createHttpApp } from '@orderflow/service-runtime/http-app';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import { createLogger } from '@orderflow/service-runtime/logger';
import { createMetrics } from '@orderflow/service-runtime/metrics';
import { defineRoute, type CallerKind, type Method } from '@orderflow/service-runtime/route';
import { z } from 'zod';
import { isPublic } from './http/routing.ts';
import { host, runGateway, type RunningGateway } from './running-gateway.test.ts';

const echo = (method: Method, path: string, caller: CallerKind) =>
  defineRoute({
    method,
    path,
    caller,
    summary: path,
    ...(path.includes('{id}') ? { params: z.object({ id: pathId }) } : {}),
    answers: { 200: z.string() },
    problems: [],
    handle: () => ({ status: 200, body: `${method} ${path}` }),
  });

/** The shapes of the real services' routes: read by anyone, by users, by operators. */
const routes = [
  echo('GET', '/v1/products', 'anyone'),
  echo('GET', '/v1/products/{id}', 'anyone'),
  echo('GET', '/v1/products/popular', 'anyone'),
  echo('GET', '/v1/products/{id}/daily-sales', 'operator'),
  echo('POST', '/v1/products', 'admin'),
  echo('GET', '/v1/coupon-sources', 'anyone'),
  echo('GET', '/v1/orders', 'user'),
  echo('GET', '/v1/orders/{id}', 'user'),
];

const targets = [
  '/v1/orders',
  '//v1/orders',
  '/v1//orders',
  '/v1/orders/',
  '/v1/orders/7',
  '/v1/orders/../ops/saga',
  '/v1/orders/%2e%2e/ops/saga',
  '/v1/orders/..%2fops%2fsaga',
  '/v1/products/../orders',
  '/v1/products/..',
  '/v1/products/%2e%2e',
  '/v1/products/7%2Fdaily-sales',
  '/v1/products/7;a/daily-sales',
  '/v1/products/7/daily-sales',
  '/v1/products/7/daily-sales?/v1/products',
  '/v1/products/popular',
  '/v1/products/popular/',
  '/v1/products/pop%75lar',
  '/v1/products/7',
  '/v1/products/7/',
  '/v1/products%2F7',
  '/v1/products?x=/v1/orders',
  '/v1/products#/daily-sales',
  '/v1/products/7#/daily-sales',
  '/v1/products/%zz',
  '/v1/products/%00',
  '/v1/PRODUCTS',
  '/V1/products',
  '/v1/%6frders',
  '/v1/orders\\..\\ops',
  '/%2fv1/orders',
  '/',
  '*',
  'http://elsewhere.example/v1/orders',
  'http://elsewhere.example/v1/products/7',
  'https://a:b@elsewhere.example:1/v1/products?limit=1',
  'http://elsewhere.example',
  'HTTP://elsewhere.example/v1/orders/7',
  'http://elsewhere.example/v1/orders/7#a',
  'http:///v1/orders',
  'ftp://elsewhere.example/v1/orders',
  '/http://elsewhere.example/v1/orders',
];

describe('what is asked for', () => {
  let gateway: RunningGateway;
  let service: Listening;
  let tokens: TokenVerifier;
  let heard: IncomingHttpHeaders;

  beforeAll(async () => {
    service = await listen(
      (request, response) => {
        heard = request.headers;
        app(request, response);
      },
      { host, port: 0 },
    );
    const names = ['ORDER_URL', 'PAYMENT_URL', 'PRODUCT_URL', 'COUPON_URL', 'USER_BALANCE_URL'];
    gateway = await runGateway(Object.fromEntries(names.map((name) => [name, service.url])));
    const logger = createLogger({ service: 'test', level: 'silent' });
    const { jwksUrl, issuer, audience } = gateway.issuer;
    tokens = createTokenVerifier({ jwksUrl, issuer, audience, logger });
    const metrics = createMetrics('test');
    const app = createHttpApp({ routes, verifyToken: tokens.verify, logger, metrics });
  });
  afterAll(async () => {
    await gateway.close();
    service.server.closeAllConnections();
    await service.close();
    tokens.close();
  });

  /** The answer to a request written byte by byte, since HTTP clients tidy targets up. */
  async function ask(url: string, method: string, target: string, headers: readonly string[] = []) {
    const socket = connect(Number(new URL(url).port), host);
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => (text += part));
    socket.on('error', () => undefined);
    const lines = [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''];
    socket.write(lines.join('\r\n'));
    await once(socket, 'close');
    const [head = '', body = ''] = text.replace('HTTP/1.1 100 Continue\r\n\r\n', '').split('\r\n\r\n');
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1] ?? 0);
    const said = /"code":"(\w+)"/.exec(body)?.[1] ?? body;
    return { status, said, head, type: /^content-type: (.*)$/im.exec(head)?.[1] };
  }

  describe.each(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PURGE', 'QUERY'])('with %s', (method) => {
    it.each(targets)('%s is the same to the gateway and to the service', async (target) => {
      const direct = await ask(service.url, method, target);
      const through = await ask(gateway.url, method, target);
      // Without a token the gateway may ask for one where the service already knows that there is nothing.
      if (through.status !== 401)
        expect([through.status, through.said]).toEqual([direct.status, direct.said]);
      else expect(direct.status).toBeGreaterThanOrEqual(400);
      const authorization = [`Authorization: ${gateway.issuer.authorization('first', { roles: ['admin'] })}`];
      const asAdmin = await ask(service.url, method, target, authorization);
      const throughAsAdmin = await ask(gateway.url, method, target, authorization);
      expect([throughAsAdmin.status, throughAsAdmin.said]).toEqual([asAdmin.status, asAdmin.said]);
      for (const answer of [through, throughAsAdmin]) {
        if (answer.status >= 400 && method !== 'HEAD') expect(answer.type).toBe('application/problem+json');
      }
    });
  });

  it.each(targets)('%s is open to anyone only where it is in the service', async (target) => {
    if (!isPublic('GET', target)) return;
    const { status } = await ask(service.url, 'GET', target);
    expect(status).not.toBe(401);
  });

  it.each([
    ['Upgrade: websocket', 'Connection: Upgrade'],
    ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'],
    ['Expect: 100-continue', 'X-A: b'],
    ['TE: trailers', 'Trailer: X-Sum'],
    ['Content-Length: 0', 'X-A: b'],
  ])('answers a request with %s as if without', async (...headers) => {
    const { status, said } = await ask(gateway.url, 'GET', '/v1/products', headers);
    expect([status, said]).toEqual([200, '"GET /v1/products"']);
  });

  it.each([
    [['Transfer-Encoding: chunked', 'Content-Length: 5']],
    [['Content-Length: 5', 'Content-Length: 6']],
    [['Transfer-Encoding: chunked, identity']],
    [['X-A: \u0001']],
    [['X A: b']],
  ])('refuses what two readers could read differently: %j', async (headers) => {
    const { status, type } = await ask(gateway.url, 'POST', '/v1/orders', headers);
    expect([status, type]).toEqual([400, 'application/problem+json']);
  });

  it('opens no tunnel', async () => {
    const { status } = await ask(gateway.url, 'CONNECT', 'elsewhere.example:443');
    expect(status).not.toBe(200);
  });

  it('lets nobody take the request’s id or trace away by naming them in Connection', async () => {
    const naming = ['Connection: close, x-request-id, traceparent, authorization', 'X-Request-Id: mine'];
    const { head } = await ask(gateway.url, 'GET', '/v1/products', naming);
    expect(head).toMatch(/^x-request-id: mine$/im);
    expect(heard['x-request-id']).toBe('mine');
    expect(heard['traceparent']).toMatch(/^00-[0-9a-f]{32}-/);
    expect(heard).not.toHaveProperty('authorization');
  });
});
