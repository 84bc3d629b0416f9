import { PROBLEMS, type ProblemCode } from '@orderflow/service-runtime/problem';
import type { Operation } from './api-document.ts';

/** What a request is sent with in place of `Authorization`. */
export type Credentials =
  | { readonly as: 'the right caller' | 'a user' | 'an operator' }
  /** One of the bad tokens, by its name. */
  | { readonly token: string };

/** A request with one thing wrong, and the answers that are right. */
export interface RequestCase {
  readonly operation: string;
  readonly name: string;
  readonly method: string;
  /** With `{id}` in it where the run puts the route's target. */
  readonly path: string;
  readonly credentials: Credentials;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | null;
  /** Any of these. */
  readonly codes: readonly ProblemCode[];
  /** Of a VALIDATION_FAILED: where one of its `errors` must point, or below. */
  readonly pointer?: string;
}

export const RIGHT_CALLER: Credentials = { as: 'the right caller' };

export function statusOf(code: ProblemCode): number {
  return PROBLEMS[code].status;
}

export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(PROBLEMS, code);
}

/** A part of a path or query as a client must send it: what is not visible ASCII in percent codes. */
export function urlText(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, encodeURIComponent).replace(/["<>`\\^{|}]/g, encodeURIComponent);
}

/** The same for requests that no server can tell apart. */
export function requestKey({ method, path, credentials, headers, body }: RequestCase): string {
  return JSON.stringify([method, path, credentials, headers, body?.toString('latin1')]);
}

/** Each request once, under a name of its own that starts with its operation's. */
export function distinctCases(operation: Operation, cases: readonly RequestCase[]): RequestCase[] {
  const distinct = new Map(cases.toReversed().map((one) => [requestKey(one), one]));
  const used = new Map<string, number>();
  return [...distinct.values()].reverse().map((one) => {
    const times = (used.get(one.name) ?? 0) + 1;
    used.set(one.name, times);
    return { ...one, name: `${operation.name}: ${one.name}${times === 1 ? '' : ` (${times})`}` };
  });
}
