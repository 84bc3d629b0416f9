import { describe, expect, it } from '@jest/globals';
import { badTokenNames } from '@orderflow/testing/bad-tokens';
import { requestKey, statusOf } from './request-case.ts';
import { requestCorpus } from './request-corpus.ts';
import { WRITE_ROUTES } from './write-routes.ts';

const CORPUS = requestCorpus();
const writes = CORPUS.filter(({ route }) => route !== null);
const reads = CORPUS.filter(({ route }) => route === null);

/** Answers to what is no request of the operation, which the contract does not list. */
const OF_ANY_PATH: readonly number[] = [statusOf('ROUTE_NOT_FOUND'), statusOf('METHOD_NOT_ALLOWED')];

/** What is answered without asking who calls. A route that joins them is a decision, so it is one here too. */
const FOR_ANYONE = [
  'GET /.well-known/jwks.json',
  'GET /v1/coupon-sources',
  'GET /v1/products',
  'GET /v1/products/popular',
  'GET /v1/products/{id}',
  'POST /v1/auth/token',
];

describe('the corpus of bad requests', () => {
  it(`sends each of ${badTokenNames().length} bad tokens to every operation but the ${FOR_ANYONE.length} for anyone, and takes 401 alone`, () => {
    expect(badTokenNames().length).toBeGreaterThanOrEqual(25);
    const asking = CORPUS.filter(({ operation }) => !FOR_ANYONE.includes(operation.name));
    expect(asking).toHaveLength(CORPUS.length - FOR_ANYONE.length);
    for (const { operation, cases } of asking) {
      const tokens = cases.filter(({ credentials }) => 'token' in credentials);
      expect([operation.name, tokens.length]).toEqual([operation.name, badTokenNames().length]);
      expect(tokens.filter(({ codes }) => codes.join() !== 'UNAUTHENTICATED')).toEqual([]);
    }
  });

  it('knows every route of the contract that writes, and no other', () => {
    const named = writes.map(({ operation }) => operation.name).sort();
    expect(named).toEqual(WRITE_ROUTES.map(({ name }) => name).sort());
  });

  it.each(writes.map(({ operation, cases }) => [operation.name, cases.length, cases] as const))(
    '%s has %i, no two alike',
    (_name, count, cases) => {
      expect(count).toBeGreaterThanOrEqual(400);
      expect(new Set(cases.map(requestKey)).size).toBe(count);
      expect(new Set(cases.map(({ name }) => name)).size).toBe(count);
    },
  );

  it(`has some for each of the ${reads.length} reads, ${reads.reduce((sum, { cases }) => sum + cases.length, 0)} in all`, () => {
    expect(reads.filter(({ cases }) => cases.length < 50).map(({ operation }) => operation.name)).toEqual([]);
  });

  it('expects refusals only, and such as the contract lists', () => {
    const unlisted = CORPUS.flatMap(({ operation, cases }) =>
      cases
        .filter(({ codes }) => {
          const statuses = codes.map(statusOf);
          const listed = [...operation.statuses, ...OF_ANY_PATH];
          return statuses.length === 0 || !statuses.some((status) => listed.includes(status) && status < 500);
        })
        .map(({ name }) => name),
    );
    expect(unlisted).toEqual([]);
  });
});
