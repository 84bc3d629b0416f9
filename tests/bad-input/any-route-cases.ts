import { badTokenNames } from '@orderflow/testing/bad-tokens';
import type { ProblemCode } from '@orderflow/service-runtime/problem';
import type { Operation } from './api-document.ts';
import { expand, readFixture } from './fixture.ts';
import { isProblemCode, RIGHT_CALLER, urlText, type RequestCase } from './request-case.ts';

const PATH_IDS = readFixture<ReadonlyArray<{ name: string; id: string; expect: string }>>('path-ids.json');
const PATH_WORDS = readFixture<ReadonlyArray<{ name: string; word: string }>>('path-words.json');
const QUERIES = readFixture<ReadonlyArray<{ name: string; query: string }>>('queries.json');
const READ_PARAMETERS = readFixture<Readonly<Record<string, readonly string[]>>>('read-parameters.json');

/** What any route refuses: paths, queries, tokens and roles. `base` is right but for its target. */
export function anyRouteCases(operation: Operation, base: RequestCase, notFound?: string): RequestCase[] {
  return [
    ...pathCases(operation, base, notFound),
    ...queryCases(base),
    ...parameterCases(operation, base),
    ...credentialCases(operation, base),
  ];
}

/** A read as it should be. */
export function readBase(operation: Operation): RequestCase {
  return {
    operation: operation.name,
    name: 'as it should be',
    method: operation.method,
    path: operation.path.replace('{service}', 'payment'),
    credentials: RIGHT_CALLER,
    headers: {},
    body: null,
    codes: [],
  };
}

function pathCases({ path }: Operation, base: RequestCase, notFound?: string): RequestCase[] {
  const ids = !path.includes('{id}')
    ? []
    : PATH_IDS.map(({ name, id, expect }, index): RequestCase => {
        const code = expect === 'NOT_FOUND' ? notFound : expect;
        if (!isProblemCode(code)) throw new Error(`${base.operation}: no code for ${expect}`);
        // A path of no route may be that of another method, or of none that the gateway lets anyone read.
        const codes: ProblemCode[] =
          code === 'ROUTE_NOT_FOUND' ? [code, 'METHOD_NOT_ALLOWED', 'UNAUTHENTICATED'] : [code];
        const where = code === 'VALIDATION_FAILED' ? { pointer: '/path/id' } : {};
        const filled = path.replace('{service}', 'payment').replace('{id}', urlText(expand(id)));
        // Another path is another request: under a key that is in use it would be refused for that.
        const key = 'idempotency-key' in base.headers ? { 'idempotency-key': `bad-id-${index}` } : {};
        const headers = { ...base.headers, ...key };
        return { ...base, name: `id: ${name}`, path: filled, headers, codes, ...where };
      });
  const word = /\{(?!id\})\w+\}/;
  const words = !word.test(path)
    ? []
    : PATH_WORDS.map((one): RequestCase => {
        const filled = path.replace('{id}', '1').replace(word, urlText(expand(one.word)));
        const codes = [
          'VALIDATION_FAILED',
          'STEP_NOT_FOUND',
          'DEAD_LETTER_NOT_FOUND',
          'ROUTE_NOT_FOUND',
        ] as const;
        return { ...base, name: `path: ${one.name}`, path: filled, codes };
      });
  return [...ids, ...words];
}

function queryCases(base: RequestCase): RequestCase[] {
  return QUERIES.map(({ name, query }) => ({
    ...base,
    name: `query: ${name}`,
    path: `${base.path}?${urlText(expand(query))}`,
    codes: ['VALIDATION_FAILED'] as const,
    pointer: '/query',
  }));
}

function parameterCases({ name: operation, query }: Operation, base: RequestCase): RequestCase[] {
  return query.flatMap(({ name, schema }) => {
    const values = READ_PARAMETERS[name];
    if (!values) throw new Error(`${operation}: fixtures/read-parameters.json has no values for ${name}`);
    const beyond = [schema.minimum, schema.maximum].flatMap((limit, at) =>
      // Ids are read up to 2^63 - 1, beyond what a JSON number can hold.
      limit === undefined || limit === Number.MAX_SAFE_INTEGER ? [] : [String(limit + (at === 0 ? -1 : 1))],
    );
    const made = (what: string, text: string): RequestCase => ({
      ...base,
      name: `query: ${name} ${what}`,
      path: `${base.path}?${text}`,
      codes: ['VALIDATION_FAILED'],
      pointer: `/query/${name}`,
    });
    return [
      ...[...values, ...beyond].map((value) =>
        made(value.slice(0, 40) || 'empty', `${name}=${urlText(expand(value)).replaceAll('&', '%26')}`),
      ),
      made('twice', `${name}=1&${name}=2`),
      made('as a list', `${name}[]=1`),
      made('as an object', `${name}[a]=1`),
    ].map((one) => (/[[\]]/.test(one.path) ? { ...one, pointer: '/query' } : one));
  });
}

function credentialCases({ caller }: Operation, base: RequestCase): RequestCase[] {
  if (caller === 'anyone') return [];
  const tokens = badTokenNames().map((token): RequestCase => ({
    ...base,
    name: `token: ${token}`,
    credentials: { token },
    codes: ['UNAUTHENTICATED'],
  }));
  const forbidden = (as: 'a user' | 'an operator'): RequestCase => ({
    ...base,
    name: `called by ${as}`,
    credentials: { as },
    codes: ['FORBIDDEN'],
  });
  if (caller === 'admin') tokens.push(forbidden('an operator'));
  if (caller !== 'user') tokens.push(forbidden('a user'));
  return tokens;
}
