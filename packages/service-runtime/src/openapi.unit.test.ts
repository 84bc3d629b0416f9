import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { amountIn, jsonId, listQuery, name, pathId, textOf } from './fields.ts';
import { openApiOf } from './openapi.ts';
import { createSchemaBook } from './openapi-schema.ts';
import { defineRoute, type Route } from './route.ts';

const thing = z
  .strictObject({ id: jsonId, price: z.string().nullable() })
  .meta({ id: 'Thing', examples: [{ id: 7, price: null }] });

const handle = () => {
  throw new Error('described, never called');
};

const listThings = defineRoute({
  method: 'GET',
  path: '/v1/things',
  caller: 'anyone',
  operationId: 'listThings',
  summary: 'Lists things',
  query: z.strictObject({ ...listQuery, color: z.enum(['red', 'blue']).optional() }),
  answers: { 200: z.strictObject({ data: z.array(thing) }) },
  problems: [],
  handle,
});

const makeThing = defineRoute({
  method: 'POST',
  path: '/v1/things/{id}/parts',
  caller: 'admin',
  operationId: 'makeThing',
  summary: 'Makes a part',
  description: 'Of a thing.',
  idempotent: true,
  params: z.strictObject({ id: pathId }),
  body: z
    .strictObject({ name: name(10), price: amountIn() })
    .meta({ sentExample: { name: 'Cup', price: '3.00' } }),
  answers: { 201: thing },
  answerHeaders: ['Location', 'Preference-Applied'],
  problems: ['SOLD_OUT', 'ALREADY_ISSUED'],
  handle,
});

const watchThing = defineRoute({
  method: 'GET',
  path: '/v1/things/{id}/stream',
  caller: 'user',
  operationId: 'watchThing',
  summary: 'Follows a thing',
  params: z.strictObject({ id: pathId }),
  answers: { 204: z.undefined() },
  stream: { event: 'status', data: thing },
  problems: ['ORDER_NOT_FOUND'],
  handle,
});

const info = { title: 'Things', version: '1', description: '' };
const describeRoutes = (...routes: Route[]) =>
  openApiOf([{ tag: 'Things', description: 'All of them.', routes }], info);

type Keys = readonly (string | number)[];

function at(value: unknown, ...keys: Keys): unknown {
  return keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value);
}

/** What the document says of the one route, its references followed. */
function shown(route: Route, ...keys: Keys): unknown {
  const document = describeRoutes(route);
  const follow = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(follow);
    const { $ref, ...rest } = value as Record<string, unknown>;
    const target = typeof $ref === 'string' ? at(document, ...$ref.split('/').slice(1)) : {};
    return Object.fromEntries(
      Object.entries({ ...(target as object), ...rest }).map(([key, part]) => [key, follow(part)]),
    );
  };
  return at(follow(document.paths[route.path]), route.method.toLowerCase(), ...keys);
}

const keysOf = (value: unknown) => Object.keys(value as object);
const problemMedia = ['content', 'application/problem+json'] as const;

function codes(route: Route): Record<string, unknown> {
  const statuses = keysOf(shown(route, 'responses')).filter((status) => Number(status) >= 400);
  const schema = [...problemMedia, 'schema', 'allOf', 1, 'properties', 'code', 'enum'];
  return Object.fromEntries(statuses.map((status) => [status, shown(route, 'responses', status, ...schema)]));
}

describe('the API document of a route', () => {
  it('lists every problem code it can answer with, by status: its own and those that follow', () => {
    expect(codes(makeThing)).toEqual({
      400: ['VALIDATION_FAILED', 'MALFORMED_JSON', 'MALFORMED_REQUEST', 'IDEMPOTENCY_KEY_REQUIRED'],
      401: ['UNAUTHENTICATED'],
      403: ['FORBIDDEN'],
      409: ['IDEMPOTENCY_IN_PROGRESS', 'SOLD_OUT', 'ALREADY_ISSUED'],
      413: ['BODY_TOO_LARGE'],
      415: ['UNSUPPORTED_MEDIA_TYPE'],
      422: ['IDEMPOTENCY_KEY_REUSED'],
      429: ['RATE_LIMITED'],
      500: ['INTERNAL'],
      503: ['UNAVAILABLE'],
    });
    expect(codes(listThings)).toEqual({
      400: ['VALIDATION_FAILED'],
      429: ['RATE_LIMITED'],
      500: ['INTERNAL'],
      503: ['UNAVAILABLE'],
    });
  });

  it('shows an example of each problem, with the members only that code has', () => {
    const examples = shown(makeThing, 'responses', 409, ...problemMedia, 'examples');
    expect(keysOf(examples)).toEqual(['IDEMPOTENCY_IN_PROGRESS', 'SOLD_OUT', 'ALREADY_ISSUED']);
    expect(at(examples, 'ALREADY_ISSUED', 'value')).toMatchObject({ status: 409, couponId: 7 });
    expect(at(examples, 'SOLD_OUT', 'value')).not.toHaveProperty('couponId');
  });

  it('says who may call', () => {
    expect(shown(listThings, 'security')).toEqual([]);
    expect(shown(watchThing)).toMatchObject({ security: [{ bearer: [] }] });
    expect(shown(makeThing)).toMatchObject({
      security: [{ bearer: ['admin'] }],
      'x-required-role': 'admin',
      description: 'Of a thing.\n\nNeeds the role `admin`.',
    });
  });

  it('names the headers it takes and gives', () => {
    const taken = (route: Route) =>
      (shown(route, 'parameters') as object[]).map((given) => [at(given, 'in'), at(given, 'name')].join(' '));
    expect(taken(makeThing)).toEqual(['path id', 'header Idempotency-Key', 'header Prefer']);
    expect(taken(watchThing)).toEqual(['path id', 'header Last-Event-ID']);
    expect(keysOf(shown(makeThing, 'responses', 201, 'headers'))).toEqual([
      'X-Request-Id',
      'RateLimit-Policy',
      'RateLimit',
      'Location',
      'Preference-Applied',
      'Idempotency-Replayed',
    ]);
    expect(keysOf(shown(makeThing, 'responses', 409, 'headers'))).toContain('Retry-After');
  });

  it('shows what is sent, not what is read from it', () => {
    const parameters = shown(listThings, 'parameters') as object[];
    expect(parameters[0]).toMatchObject({
      name: 'limit',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    });
    expect(parameters.map((given) => at(given, 'name'))).toEqual(['limit', 'cursor', 'color']);
    const sent = shown(makeThing, 'requestBody', 'content', 'application/json');
    expect(at(sent, 'schema')).toMatchObject({ required: ['name', 'price'], additionalProperties: false });
    expect(at(sent, 'schema', 'properties', 'name')).toMatchObject({ minLength: 1, maxLength: 10 });
    expect(at(sent, 'example')).toEqual({ name: 'Cup', price: '3.00' });
  });

  it('shows a stream with its event, and an answer without a body without one', () => {
    expect(shown(watchThing, 'responses', 200, 'content', 'text/event-stream')).toMatchObject({
      example: 'id: 17\nevent: status\ndata: {"id":7,"price":null}\n\n',
      'x-event': 'status',
    });
    expect(shown(watchThing, 'responses', 204)).not.toHaveProperty('content');
  });

  it('is the same, whatever the order of the routes', () => {
    const one = describeRoutes(listThings, makeThing, watchThing);
    expect(JSON.stringify(describeRoutes(watchThing, makeThing, listThings))).toBe(JSON.stringify(one));
  });

  it('is refused for a route without a name, and for two of one name', () => {
    expect(() => describeRoutes({ ...listThings, operationId: undefined })).toThrow(
      'GET /v1/things has no operationId',
    );
    expect(() => describeRoutes(listThings, listThings)).toThrow('GET /v1/things stands twice');
    expect(() => describeRoutes(listThings, { ...makeThing, operationId: 'listThings' })).toThrow(
      'listThings stands twice',
    );
  });

  it('is refused when one name means two schemas', () => {
    const other = z.strictObject({ other: z.string() }).meta({ id: 'Thing' });
    const clash = defineRoute({ ...clashing, answers: { 200: other } });
    expect(() => describeRoutes(listThings, clash)).toThrow('two schemas are named Thing');
  });
});

const clashing = {
  method: 'GET',
  path: '/v1/others',
  caller: 'anyone',
  operationId: 'listOthers',
  summary: 'Lists others',
  problems: [],
  handle,
} as const;

describe('what is shown of a field', () => {
  const schemaOf = (schema: z.ZodType) => createSchemaBook().request(schema);
  const pattern = (schema: z.ZodType) => new RegExp(String(schemaOf(schema)['pattern']), 'u');
  const accepts = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

  it('lets exactly the money through that the schema lets through', () => {
    const digits = fc.stringMatching(/^\d{0,9}[.,-]?\d{0,3}$/);
    const near = fc.constantFrom(
      '0',
      '0.0',
      '0.00',
      '0.01',
      '0.1',
      '0.10',
      '9999999.99',
      '10000000',
      '01',
      '1.',
    );
    fc.assert(
      fc.property(fc.oneof(digits, near), (text) => {
        expect(pattern(amountIn()).test(text)).toBe(accepts(amountIn(), text));
      }),
    );
  });

  it('lets no text through that the schema refuses', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', ' ', '\t\u00a0', 'a\0', ' a '));
    fc.assert(
      fc.property(text, (value) => {
        const fits = (min: number) =>
          [...value].length >= min && [...value].length <= 5 && pattern(textOf(5, min)).test(value);
        if (fits(1)) expect(accepts(textOf(5, 1), value)).toBe(true);
        if (fits(0)) expect(accepts(textOf(5, 0), value)).toBe(true);
      }),
    );
  });

  it('lets no number through that the schema refuses', () => {
    const { minimum, maximum } = schemaOf(pathId) as { minimum: number; maximum: number };
    const limit = schemaOf(listQuery.limit) as { minimum: number; maximum: number };
    for (const value of [minimum, maximum]) expect(accepts(pathId, String(value))).toBe(true);
    for (const value of [limit.minimum, limit.maximum]) {
      expect(accepts(listQuery.limit, String(value))).toBe(true);
    }
  });
});
