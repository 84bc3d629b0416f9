import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { pathId } from './fields.ts';
import { defineRoute } from './route.ts';

const thing = z.strictObject({ id: z.int() });
const rest = { summary: 'A thing', answers: { 200: thing }, problems: [] } as const;
const handle = () => ({ status: 200, body: { id: 1 } }) as const;

describe('a route', () => {
  it('hands its handle typed input and takes only its declared answers', () => {
    const route = defineRoute({
      method: 'POST',
      path: '/v1/things/{id}',
      caller: 'user',
      idempotent: true,
      params: z.object({ id: pathId }),
      body: z.strictObject({ name: z.string() }),
      ...rest,
      handle: ({ caller, params, body, idempotencyKey, query }) => {
        const checked: [number, number, string, string, undefined] = [
          caller.userId,
          params.id,
          body.name,
          idempotencyKey,
          query,
        ];
        return { status: 200, body: { id: checked[1] } };
      },
    });
    expect(route.name).toBe('POST /v1/things/{id}');
    const open = { method: 'GET', path: '/v1/things', caller: 'anyone', ...rest } as const;
    // @ts-expect-error an answer that is not declared
    defineRoute({ ...open, handle: () => ({ status: 201, body: { id: 1 } }) });
    // @ts-expect-error a body that breaks its schema
    defineRoute({ ...open, handle: () => ({ status: 200, body: { id: 'one' } }) });
    // @ts-expect-error no caller where anyone may call
    defineRoute({ ...open, handle: ({ caller }) => ({ status: 200, body: { id: caller.userId } }) });
  });

  it.each([
    ['a body', z.object({ name: z.string() })],
    ['a list', z.strictObject({ items: z.array(z.object({ id: z.int() })) })],
    ['an optional', z.strictObject({ item: z.object({}).optional() })],
    ['a transform', z.strictObject({ item: z.object({}).transform(String) })],
    ['a union', z.strictObject({ item: z.union([z.string(), z.looseObject({})]) })],
  ])('is refused when %s would take unknown fields', (_where, body) => {
    expect(() =>
      defineRoute({ method: 'POST', path: '/v1/things', caller: 'user', body, ...rest, handle }),
    ).toThrow('POST /v1/things: every object of a body must be strict');
  });

  it('that streams takes only events of its schema, and has no other 200', () => {
    const open = { method: 'GET', path: '/v1/things', caller: 'anyone', summary: 'x', problems: [] } as const;
    const stream = { event: 'thing', data: z.strictObject({ n: z.int() }) };
    async function* numbers() {
      yield await Promise.resolve({ id: 1, data: { n: 1 } });
    }
    const streaming = { ...open, stream, answers: { 204: z.undefined() } };
    expect(
      defineRoute({ ...streaming, handle: () => ({ status: 200, events: numbers() }) }).stream?.event,
    ).toBe('thing');
    defineRoute({ ...streaming, handle: () => ({ status: 204, body: undefined }) });
    async function* words() {
      yield await Promise.resolve({ id: 1, data: { n: 'one' } });
    }
    // @ts-expect-error events that break the schema
    defineRoute({ ...streaming, handle: () => ({ status: 200, events: words() }) });
    // @ts-expect-error a stream that is not declared
    defineRoute({ ...open, answers: {}, handle: () => ({ status: 200, events: numbers() }) });
    expect(() =>
      defineRoute({ ...open, stream, answers: { 200: z.any() }, handle: () => ({ status: 200, body: 1 }) }),
    ).toThrow('GET /v1/things: a route that streams has no other 200');
  });

  it('is refused when its path and its params differ', () => {
    const params = z.object({ id: pathId });
    expect(() =>
      defineRoute({ method: 'GET', path: '/v1/things/{thingId}', caller: 'user', params, ...rest, handle }),
    ).toThrow('the path names {thingId} but params describes {id}');
  });

  it('is refused when it is idempotent for nobody in particular', () => {
    expect(() =>
      defineRoute({
        method: 'POST',
        path: '/v1/things',
        caller: 'anyone',
        idempotent: true,
        ...rest,
        handle,
      }),
    ).toThrow('needs a caller');
  });
});
