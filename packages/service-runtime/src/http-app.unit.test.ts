import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { z } from 'zod';
import type { Caller, Role } from './auth.ts';
import { amountIn, listQuery, name, pathId } from './fields.ts';
import { createHttpApp } from './http-app.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';
import { defineRoute } from './route.ts';

const anything = z.any();
const answers = { 200: anything };
const params = z.object({ id: pathId });

const routes = [
  defineRoute({
    method: 'POST',
    path: '/v1/things',
    caller: 'user',
    idempotent: true,
    summary: 'Make a thing',
    body: z.strictObject({
      name: name(5),
      price: amountIn().optional(),
      parts: z.array(z.strictObject({ n: z.int() })).optional(),
    }),
    answers: { 201: anything },
    problems: [],
    handle: ({ caller, body, idempotencyKey, preferWaitSeconds, traceparent, requestId }) => ({
      status: 201,
      headers: { Location: '/v1/things/1' },
      body: {
        user: caller.userId,
        name: body.name,
        idempotencyKey,
        preferWaitSeconds,
        traceparent,
        requestId,
      },
    }),
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/things/{id}',
    caller: 'anyone',
    summary: 'A thing',
    params,
    answers,
    problems: [],
    handle: ({ params }) => ({ status: 200, body: params }),
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/things/popular',
    caller: 'anyone',
    summary: 'Popular',
    answers,
    problems: [],
    handle: () => ({ status: 200, body: 'popular' }),
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/things',
    caller: 'anyone',
    summary: 'Things',
    query: z.object(listQuery),
    answers,
    problems: [],
    handle: ({ query }) => ({ status: 200, body: query }),
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/audit',
    caller: 'admin',
    summary: 'Audit',
    answers,
    problems: [],
    handle: () => ({ status: 200, body: [] }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/things/{id}',
    caller: 'user',
    summary: 'Drop',
    params,
    answers: { 204: z.undefined() },
    problems: [],
    handle: () => ({ status: 204, body: undefined }),
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/stored',
    caller: 'anyone',
    summary: 'Stored',
    answers,
    problems: [],
    handle: () => ({ status: 201, json: '{"a": 1}', headers: { 'Idempotency-Replayed': 'true' } }),
  }),
];

function appFor(roles: readonly Role[] = []) {
  const caller: Caller = { userId: 7, roles: new Set(roles), expiresAt: Date.now() + 60_000 };
  return createHttpApp({
    routes,
    verifyToken: (authorization) =>
      authorization === 'Bearer good'
        ? Promise.resolve(caller)
        : Promise.reject(problem('UNAUTHENTICATED', { detail: 'no' })),
    logger: createLogger({ service: 'test', level: 'silent' }),
    metrics: createMetrics('test'),
  });
}

const post = (app = appFor()) =>
  request(app).post('/v1/things').set('Authorization', 'Bearer good').set('Idempotency-Key', 'k-1');

describe('a request', () => {
  it('reaches its handle checked and parsed, and the answer goes out as declared', async () => {
    const answer = await post().send({ name: ' ab ', price: '12.5' }).expect(201);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', location: '/v1/things/1' });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
    expect(answer.body).toMatchObject({
      user: 7,
      name: 'ab',
      idempotencyKey: 'k-1',
      preferWaitSeconds: null,
    });
  });

  it('keeps its own request id and trace when they are sane, and gets new ones otherwise', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const kept = await post()
      .set('X-Request-Id', 'mine-1')
      .set('traceparent', traceparent)
      .send({ name: 'a' });
    expect(kept.headers['x-request-id']).toBe('mine-1');
    expect(kept.body).toMatchObject({ requestId: 'mine-1', traceparent });
    const made = await post()
      .set('X-Request-Id', 'no spaces')
      .set('traceparent', `00-${'0'.repeat(32)}-1-01`)
      .send({ name: 'a' });
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect((made.body as { traceparent: string }).traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it.each([
    ['wait=5', 5],
    ['respond-async, wait=99', 10],
    ['wait="3"', 3],
    ['wait=soon', null],
    ['nowait=5', null],
  ])('with Prefer: %s is asked to wait %p seconds', async (prefer, seconds) => {
    const answer = await post().set('Prefer', prefer).send({ name: 'a' });
    expect(answer.body).toMatchObject({ preferWaitSeconds: seconds });
  });

  it('finds the literal path before the one with a parameter, in any order of declaration', async () => {
    expect((await request(appFor()).get('/v1/things/popular')).body).toBe('popular');
  });

  it('gets stored JSON again byte for byte', async () => {
    const answer = await request(appFor()).get('/v1/stored').expect(201);
    expect([answer.text, answer.headers['idempotency-replayed']]).toEqual(['{"a": 1}', 'true']);
  });

  it('may have an answer without a body, and HEAD has none', async () => {
    await request(appFor()).delete('/v1/things/1').set('Authorization', 'Bearer good').expect(204, '');
    const head = await request(appFor()).head('/v1/things/1').expect(200);
    expect(head.headers['content-length']).toBe('8');
  });
});

describe('a refusal', () => {
  const coded = (status: number, code: string) => (answer: request.Response) => {
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status, code, requestId: answer.headers['x-request-id'] });
    expect(answer.status).toBe(status);
  };

  it('comes for the token before anything else of the request is looked at', async () => {
    await request(appFor()).post('/v1/things').send('{').expect(coded(401, 'UNAUTHENTICATED'));
  });

  it('comes for a missing role, and not for an admin', async () => {
    const audit = (roles: Role[]) =>
      request(appFor(roles)).get('/v1/audit').set('Authorization', 'Bearer good');
    await audit(['operator']).expect(coded(403, 'FORBIDDEN'));
    await audit(['admin', 'operator']).expect(200);
  });

  it.each([undefined, '', 'a b', 'k'.repeat(256), 'schlüssel'])(
    'comes for the Idempotency-Key %p',
    async (key) => {
      const call = request(appFor()).post('/v1/things').set('Authorization', 'Bearer good');
      if (key !== undefined) void call.set('Idempotency-Key', key);
      await call.send({ name: 'a' }).expect(coded(400, 'IDEMPOTENCY_KEY_REQUIRED'));
    },
  );

  it('names every field that is wrong by a JSON pointer', async () => {
    const answer = await post().send({
      name: 'toolong',
      price: 5,
      'a/b': 1,
      parts: [{ n: 1 }, { n: 1.5, m: 2 }],
    });
    coded(400, 'VALIDATION_FAILED')(answer);
    const { errors } = answer.body as { errors: { path: string }[] };
    expect(errors.map(({ path }) => path).sort()).toEqual([
      '/a~1b',
      '/name',
      '/parts/1/m',
      '/parts/1/n',
      '/price',
    ]);
  });

  it('names wrong paths and queries, unknown parameters among them', async () => {
    const id = await request(appFor()).get('/v1/things/0').expect(coded(400, 'VALIDATION_FAILED'));
    expect(id.body).toMatchObject({ errors: [{ path: '/path/id' }] });
    const query = await request(appFor())
      .get('/v1/things?limit=0&limitt=1')
      .expect(coded(400, 'VALIDATION_FAILED'));
    expect(query.body).toMatchObject({ errors: [{ path: '/query/limit' }, { path: '/query/limitt' }] });
    await request(appFor()).get('/v1/things?limit=1&limit=2').expect(coded(400, 'VALIDATION_FAILED'));
    await request(appFor()).get('/v1/things/popular?a=1').expect(coded(400, 'VALIDATION_FAILED'));
    await request(appFor()).get('/v1/things?__proto__=1').expect(coded(400, 'VALIDATION_FAILED'));
  });

  it('stays small when thousands of fields are wrong', async () => {
    const junk = Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`k${index}`, 1]));
    for (const body of [junk, { name: 'a', parts: Array.from({ length: 2_500 }, () => ({ n: 'x' })) }]) {
      const answer = await post().send(body).expect(coded(400, 'VALIDATION_FAILED'));
      expect(answer.text.length).toBeLessThan(5_000);
    }
  });

  it.each([
    ['text/plain', '{"name":"a"}'],
    ['application/json; charset=latin1', '{"name":"a"}'],
    ['application/json; charset="utf-8', '{"name":"a"}'],
    ['application/json\u00a0', '{"name":"a"}'],
    ['application/x-www-form-urlencoded', 'name=a'],
  ])('comes for the content type %s', async (type, body) => {
    await post().set('Content-Type', type).send(body).expect(coded(415, 'UNSUPPORTED_MEDIA_TYPE'));
  });

  it('comes for compressed bodies and bodies that are no JSON', async () => {
    await post()
      .set('Content-Type', 'application/json')
      .set('Content-Encoding', 'gzip')
      .send('{}')
      .expect(coded(415, 'UNSUPPORTED_MEDIA_TYPE'));
    await post()
      .set('Content-Type', 'application/json; charset=UTF-8')
      .send('{"name":')
      .expect(coded(400, 'MALFORMED_JSON'));
  });

  it('comes for a body of 10 MB while it is still being sent', async () => {
    const huge = 'x'.repeat(10 * 1024 * 1024);
    await post().set('Content-Type', 'application/json').send(huge).expect(coded(413, 'BODY_TOO_LARGE'));
  });

  it('comes for a body above 32 KB, announced or not', async () => {
    const large = JSON.stringify({ name: 'a'.repeat(32 * 1024) });
    await post().set('Content-Type', 'application/json').send(large).expect(coded(413, 'BODY_TOO_LARGE'));
    const call = post().set('Content-Type', 'application/json').set('Transfer-Encoding', 'chunked');
    call.write(large);
    await new Promise<void>((resolve, reject) => {
      call.end((error, answer) =>
        error ? reject(new Error(String(error))) : resolve(coded(413, 'BODY_TOO_LARGE')(answer)),
      );
    });
  });

  it('comes for paths and methods that do not exist', async () => {
    await request(appFor()).get('/v1/nothing').expect(coded(404, 'ROUTE_NOT_FOUND'));
    await request(appFor()).get('/V1/things').expect(coded(404, 'ROUTE_NOT_FOUND'));
    await request(appFor()).get('/v1/things/%zz').expect(coded(400, 'MALFORMED_REQUEST'));
    await request(appFor())
      .put('/v1/things/1')
      .expect('Allow', 'GET, DELETE, HEAD')
      .expect(coded(405, 'METHOD_NOT_ALLOWED'));
  });
});
