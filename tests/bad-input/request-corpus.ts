import { anyRouteCases, readBase } from './any-route-cases.ts';
import { readOperations, type Operation } from './api-document.ts';
import { distinctCases, type RequestCase } from './request-case.ts';
import { writeBase, writeCases } from './write-cases.ts';
import { WRITE_ROUTES, type WriteRoute } from './write-routes.ts';

/** An operation of the contract with every bad request of the corpus for it. */
export interface BadRequests {
  readonly operation: Operation;
  /** Null for a read. */
  readonly route: WriteRoute | null;
  readonly cases: readonly RequestCase[];
}

/** What a read answers for an id that no row has. */
const NOT_FOUND: ReadonlyArray<readonly [prefix: string, code: string]> = [
  ['/v1/users/', 'USER_NOT_FOUND'],
  ['/v1/products/', 'PRODUCT_NOT_FOUND'],
  ['/v1/orders/', 'ORDER_NOT_FOUND'],
  ['/v1/ops/dead-letters/', 'DEAD_LETTER_NOT_FOUND'],
];

/**
 * Bad requests for every operation of the contract.
 * @throws Error for a route that writes and has no description here
 */
export function requestCorpus(): BadRequests[] {
  const operations = readOperations();
  return operations.map((operation) => {
    if (operation.method === 'GET') {
      const notFound = NOT_FOUND.find(([prefix]) => operation.path.startsWith(prefix))?.[1];
      return {
        operation,
        route: null,
        cases: distinctCases(operation, anyRouteCases(operation, readBase(operation), notFound)),
      };
    }
    const route = WRITE_ROUTES.find(({ name }) => name === operation.name);
    if (!route) throw new Error(`${operation.name} writes: describe it in tests/bad-input/write-routes.ts`);
    const known = operations.filter(({ path }) => path === operation.path).map(({ method }) => method);
    const cases = [
      ...writeCases(operation, route, known),
      ...anyRouteCases(operation, writeBase(operation, route), route.notFound),
    ];
    return { operation, route, cases: distinctCases(operation, cases) };
  });
}
