import { describe, expect, it } from '@jest/globals';
import type { BareAnswer } from './bare-http.ts';
import { faultOf } from './refusals.ts';

const PROBLEM = {
  type: 'urn:orderflow:problem:validation-failed',
  title: 'The request breaks the schema',
  status: 400,
  code: 'VALIDATION_FAILED',
  detail: '/name: must have at least 1 character',
  requestId: 'abc',
  errors: [{ path: '/name', code: 'too_small', message: 'must have at least 1 character' }],
};

function answer(changed: Record<string, unknown> = {}, part: Partial<BareAnswer> = {}): BareAnswer {
  return {
    status: 400,
    headers: { 'content-type': 'application/problem+json', 'x-request-id': 'abc' },
    body: JSON.stringify({ ...PROBLEM, ...changed }),
    ...part,
  };
}

const broken = { status: 500, code: 'INTERNAL', errors: undefined };

/** Each with a mark of what must be said about it. */
const PLANTED: ReadonlyArray<[title: string, given: BareAnswer, said: RegExp]> = [
  ['a request that was taken', answer({ code: undefined }, { status: 201 }), /201 undefined/],
  ['a fault of the server', answer(broken, { status: 500 }), /500 INTERNAL/],
  ['another code', answer({ code: 'MALFORMED_JSON' }), /MALFORMED_JSON/],
  ['another status than the code has', answer({}, { status: 409 }), /status 409/],
  ['another status in the body', answer({ status: 500 }), /status 400/],
  ['plain JSON', answer({}, { headers: { 'content-type': 'application/json' } }), /no problem/],
  ['HTML', answer({}, { headers: { 'content-type': 'text/html' }, body: '<pre>Error</pre>' }), /no problem/],
  ['half a body', answer({}, { body: '{"type":' }), /no JSON/],
  ['no title', answer({ title: undefined }), /no title/],
  ['an empty detail', answer({ detail: '' }), /no detail/],
  ['another request id', answer({ requestId: 'def' }), /request id def/],
  ['no errors', answer({ errors: undefined }), /without its errors/],
  ['empty errors', answer({ errors: [] }), /without its errors/],
  ['errors without a path', answer({ errors: [{ code: 'x', message: 'y' }] }), /without its errors/],
  [
    'an error of another field',
    answer({ errors: [{ path: '/price', code: 'x', message: 'y' }] }),
    /at \/price/,
  ],
  ['a stack', answer({ detail: 'at run (file:///srv/dist/main.js:1:2)' }), /tells/],
  ['a statement', answer({ detail: 'INSERT INTO users VALUES ($1)' }), /tells/],
  ['an error of the database', answer({ detail: 'relation "users" does not exist' }), /tells/],
  ['a library', answer({ detail: 'PrismaClientKnownRequestError' }), /tells/],
  ['an error of the language', answer({ detail: 'TypeError: x is not a function' }), /tells/],
  ['an address of a backend', answer({ detail: 'connect ECONNREFUSED' }), /tells/],
  ['a place on the disk', answer({ detail: 'no file /home/app/keys' }), /tells/],
];

describe('what is looked for in a refusal', () => {
  it('is nothing in a right one', () => {
    expect(faultOf(answer(), ['VALIDATION_FAILED'], '/name')).toBeNull();
  });

  it.each(PLANTED)('is %s', (_title, given, said) => {
    expect(faultOf(given, ['VALIDATION_FAILED'], '/name')).toMatch(said);
  });

  it.each([
    ['METHOD_NOT_ALLOWED', 405, /no Allow/],
    ['UNAUTHENTICATED', 401, /no WWW-Authenticate/],
  ] as const)('is the header that belongs to %s', (code, status, said) => {
    expect(faultOf(answer({ code, status, errors: undefined }, { status }), [code])).toMatch(said);
  });
});
