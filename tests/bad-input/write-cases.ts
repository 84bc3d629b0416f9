import type { ProblemCode } from '@orderflow/service-runtime/problem';
import type { Operation } from './api-document.ts';
import { badValues, encodeAs, expand, readFixture, splice, without, type Field } from './fixture.ts';
import { isProblemCode, RIGHT_CALLER, type RequestCase } from './request-case.ts';
import type { WriteRoute } from './write-routes.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

interface Body {
  readonly name: string;
  readonly text?: string;
  readonly base64?: string;
  readonly encoding?: string;
  readonly not?: 'json' | 'acceptable' | 'object';
  readonly too?: 'large';
}

interface HeaderValue {
  readonly name: string;
  readonly value: string | readonly string[] | null;
}

const BODIES = readFixture<readonly Body[]>('bodies.json');
const MEDIA_TYPES = readFixture<readonly HeaderValue[]>('media-types.json');
const ENCODINGS = readFixture<readonly HeaderValue[]>('content-encodings.json');
const KEYS = readFixture<readonly HeaderValue[]>('idempotency-keys.json');
const NOISE = readFixture<ReadonlyArray<{ name: string; headers: Headers }>>('noise-headers.json');
const UNKNOWN_FIELDS = readFixture<ReadonlyArray<{ name: string }>>('unknown-fields.json');
const PATHS = readFixture<ReadonlyArray<{ name: string; path: string }>>('paths.json');

/** What nobody offers; some of these are offered by one route or another. */
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'LOCK',
  'LINK',
  'SEARCH',
];

/** Every case of a route that writes which is not about paths' ids, queries and tokens: those are any route's. */
export function writeCases(operation: Operation, route: WriteRoute, known: readonly string[]): RequestCase[] {
  const base = writeBase(operation, route);
  const cases = [
    ...(route.body ? bodyCases(base, route.body, route) : noisyBodies(base, route)),
    ...(operation.idempotent ? keyCases(base) : []),
    ...noiseCases(base, route),
    ...pathCases(base),
    ...methodCases(base, known),
  ];
  return cases;
}

/** A request that would be taken, or is refused for nothing but its target. */
export function writeBase(operation: Operation, { body }: WriteRoute): RequestCase {
  return {
    operation: operation.name,
    name: 'as it should be',
    method: operation.method,
    path: operation.path,
    credentials: RIGHT_CALLER,
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      // The same for all: a refused request leaves no key behind that could be in the next one's way.
      ...(operation.idempotent ? { 'idempotency-key': 'bad-input' } : {}),
    },
    body: body ? Buffer.from(JSON.stringify(body)) : null,
    codes: [],
  };
}

function codeOf({ not, too }: Pick<Body, 'not' | 'too'>): ProblemCode {
  if (too) return 'BODY_TOO_LARGE';
  return not === 'object' || not === undefined ? 'VALIDATION_FAILED' : 'MALFORMED_JSON';
}

function bytesOf({ text, base64, encoding }: Body, valid: string): Buffer {
  if (encoding !== undefined) return encodeAs(encoding, valid);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(expand(text ?? '').replaceAll('{valid}', () => valid));
}

function bodyCases(base: RequestCase, body: object, route: WriteRoute): RequestCase[] {
  const valid = JSON.stringify(body);
  const whole = BODIES.map((one): RequestCase => {
    const code = codeOf(one);
    return { ...base, name: `body: ${one.name}`, body: bytesOf(one, valid), codes: [code] };
  });
  const cut = Array.from({ length: Math.min(40, valid.length - 1) }, (_, index): RequestCase => {
    const length = Math.floor(((index + 1) * valid.length) / (Math.min(40, valid.length - 1) + 1));
    return {
      ...base,
      name: `body: the first ${length} of ${valid.length} bytes`,
      body: Buffer.from(valid.slice(0, length)),
      codes: ['MALFORMED_JSON'],
    };
  });
  const types = MEDIA_TYPES.map((one) => headerCase(base, 'content-type', one, 'UNSUPPORTED_MEDIA_TYPE'));
  const encodings = ENCODINGS.map((one) =>
    headerCase(base, 'content-encoding', one, 'UNSUPPORTED_MEDIA_TYPE'),
  );
  return [
    ...(route.fields ?? []).flatMap((field) => fieldCases(base, body, field)),
    ...unknownFields(base, body, route),
    ...whole,
    ...cut,
    ...types,
    ...encodings,
  ];
}

function fieldCases(base: RequestCase, body: object, field: Field): RequestCase[] {
  const pointer = `/${field.field}`;
  const isElement = /\/\d+$/.test(pointer);
  const bad = badValues(field)
    .filter(({ only }) => only !== 'messages')
    // Nothing in the place of a list's only element is a list without one.
    .filter(({ json }) => !isElement || json !== '')
    .map(({ name, json, not }): RequestCase => {
      const text = Buffer.from(splice(body, field.field, json));
      const code = text.length > 32 * 1024 ? 'BODY_TOO_LARGE' : codeOf(not ? { not } : {});
      const where = code === 'VALIDATION_FAILED' ? { pointer } : {};
      return { ...base, name: `${field.field}: ${name}`, body: text, codes: [code], ...where };
    });
  if (field.optional || isElement) return bad;
  const absent = Buffer.from(without(body, field.field));
  return [
    ...bad,
    { ...base, name: `${field.field}: absent`, body: absent, codes: ['VALIDATION_FAILED'], pointer },
  ];
}

/** The body with one field more, at its root and in its objects. */
function unknownFields(base: RequestCase, body: object, { objects = [] }: WriteRoute): RequestCase[] {
  return ['', ...objects].flatMap((place) => {
    const object = place === '' ? body : at(body, place);
    return UNKNOWN_FIELDS.filter(({ name }) => !Object.hasOwn(object, name)).map(({ name }): RequestCase => {
      const more = JSON.stringify({ ...object, [name]: 1 });
      const text = place === '' ? more : splice(body, place, more);
      const pointer = place === '' ? '/' : `/${place}/`;
      const codes = ['VALIDATION_FAILED'] as const;
      return {
        ...base,
        name: `${place || 'body'}: an unknown field ${name.slice(0, 30)}`,
        body: Buffer.from(text),
        codes,
        pointer,
      };
    });
  });
}

function at(document: object, place: string): object {
  return place
    .split('/')
    .reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], document) as object;
}

function headerCase(base: RequestCase, header: string, one: HeaderValue, code: ProblemCode): RequestCase {
  const others = Object.fromEntries(Object.entries(base.headers).filter(([name]) => name !== header));
  const value = typeof one.value === 'string' ? expand(one.value) : one.value;
  const headers = value === null ? others : { ...others, [header]: value };
  return { ...base, name: `${header}: ${one.name.slice(0, 60)}`, headers, codes: [code] };
}

function keyCases(base: RequestCase): RequestCase[] {
  return KEYS.map((one) => headerCase(base, 'idempotency-key', one, 'IDEMPOTENCY_KEY_REQUIRED'));
}

/** A request that is refused for one reason, whatever else comes with it. */
function refusedBase(base: RequestCase, { body, refusal }: WriteRoute): RequestCase {
  if (isProblemCode(refusal)) return { ...base, codes: [refusal] };
  const wrong = Buffer.from(JSON.stringify({ ...body, 'no such field': 1 }));
  return { ...base, body: wrong, codes: ['VALIDATION_FAILED'], pointer: '/no such field' };
}

/** Headers that nobody asked for change nothing about the refusal. */
function noiseCases(base: RequestCase, route: WriteRoute): RequestCase[] {
  const refused = refusedBase(base, route);
  return NOISE.map(({ name, headers }) => ({
    ...refused,
    name: `headers: ${name}`,
    headers: { ...refused.headers, ...expandHeaders(headers) },
  }));
}

function expandHeaders(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      expand(name),
      typeof value === 'string' ? expand(value) : value.map(expand),
    ]),
  );
}

/** A route without a body reads none: whatever is sent is dropped, up to the gateway's limit. */
function noisyBodies(base: RequestCase, route: WriteRoute): RequestCase[] {
  const refused = refusedBase(base, route);
  const bodies = BODIES.flatMap((one) =>
    // Size is size, whatever it is of.
    (one.too ? ['application/json'] : ['application/json', 'application/octet-stream']).map(
      (type): RequestCase => ({
        ...refused,
        name: `a body of ${type}: ${one.name}`,
        headers: { ...refused.headers, 'content-type': type },
        body: bytesOf(one, '{"id": 1}'),
        codes: one.too ? [...refused.codes, 'BODY_TOO_LARGE'] : refused.codes,
      }),
    ),
  );
  const types = MEDIA_TYPES.flatMap(({ name, value }) =>
    typeof value === 'string'
      ? [
          {
            ...refused,
            name: `content-type: ${name.slice(0, 60)}`,
            headers: { ...refused.headers, 'content-type': expand(value) },
            body: Buffer.from('{}'),
          },
        ]
      : [],
  );
  const encodings = ENCODINGS.map((one) => ({
    ...headerCase(refused, 'content-encoding', one, 'UNSUPPORTED_MEDIA_TYPE'),
    body: Buffer.from('{}'),
    codes: refused.codes,
  }));
  return [...bodies, ...types, ...encodings];
}

/** Paths near the route's own lead nowhere, or to another route that refuses. */
function pathCases(base: RequestCase): RequestCase[] {
  const codes = [
    'ROUTE_NOT_FOUND',
    'METHOD_NOT_ALLOWED',
    'VALIDATION_FAILED',
    'MALFORMED_REQUEST',
    'STEP_NOT_FOUND',
  ] as const;
  return PATHS.map(({ name, path }) => ({
    ...base,
    name: `path: ${name}`,
    path: expand(path).replaceAll('{path}', () => base.path),
    codes,
  }));
}

function methodCases(base: RequestCase, known: readonly string[]): RequestCase[] {
  return METHODS.filter((method) => !known.includes(method)).map((method) => ({
    ...base,
    name: `method: ${method}`,
    method,
    codes: ['METHOD_NOT_ALLOWED'] as const,
  }));
}
