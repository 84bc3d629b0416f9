import type { Order, ProblemCode, ProblemField, RefusalReason } from './api-types.ts';
import { adviceFor, type RetryAdvice } from './refusals.ts';
import { retryAfterSeconds } from './pacing.ts';

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The API refused a request: an answer outside 2xx, `application/problem+json` by RFC 9457. */
export class ApiProblem extends Error {
  /**
   * What to switch on. `UNKNOWN` when the answer is not the API's (a proxy's page); a server newer than this package
   * may send a code that is not listed: keep a default branch.
   */
  readonly code: ProblemCode | 'UNKNOWN';
  readonly status: number;
  /** What is wrong with this very request, in a sentence for people. */
  readonly detail: string;
  /** The fields that are wrong, with VALIDATION_FAILED; else empty. */
  readonly errors: readonly ProblemField[];
  /** Name it when you ask the operator: the logs have it. */
  readonly requestId: string | null;
  /** When a next try makes sense, in seconds; null when the answer does not say. */
  readonly retryAfterSeconds: number | null;
  /** The whole body, further members included, for instance `couponId` with ALREADY_ISSUED. */
  readonly body: Readonly<Record<string, unknown>>;

  /** @param body the answer's body as parsed, whatever it is */
  constructor(request: string, response: Response, body: unknown) {
    const problem = isRecord(body) ? body : {};
    const code = textOf(problem['code']) ?? 'UNKNOWN';
    const detail = textOf(problem['detail']) ?? textOf(body)?.slice(0, 200) ?? '';
    super(`${request}: ${response.status} ${code} ${detail}`.trimEnd());
    this.name = 'ApiProblem';
    this.code = code as ProblemCode | 'UNKNOWN';
    this.status = response.status;
    this.detail = detail;
    this.errors = Array.isArray(problem['errors']) ? (problem['errors'] as readonly ProblemField[]) : [];
    this.requestId = textOf(problem['requestId']) ?? response.headers.get('x-request-id');
    this.retryAfterSeconds = retryAfterSeconds(response.headers);
    this.body = problem;
  }
}

/** The order was taken and has ended CANCELLED: nothing was paid, or it was given back. */
export class OrderRefused extends Error {
  readonly reason: RefusalReason;
  readonly order: Order;
  /** Whether, when and how ordering again, with a new Idempotency-Key, makes sense. */
  readonly advice: RetryAdvice;

  constructor(order: Order) {
    // An order without a reason is not CANCELLED; OTHER is what an unknown reason is called.
    const reason = order.failureReason ?? 'OTHER';
    super(`order ${order.id} was refused: ${reason}`);
    this.name = 'OrderRefused';
    this.reason = reason;
    this.order = order;
    this.advice = adviceFor(reason);
  }
}

/** No answer came within the time for retries. */
export class Unreachable extends Error {
  /** How often it was tried. */
  readonly tries: number;
  /**
   * False: no try reached the server, nothing has happened. True: one may have, and its answer was lost; send the same
   * request with the same Idempotency-Key to find out.
   */
  readonly maybeReceived: boolean;

  constructor(request: string, tries: number, maybeReceived: boolean, cause: unknown) {
    const why = [cause, isRecord(cause) ? cause['cause'] : null]
      .map((given) => (isRecord(given) ? textOf(given['message']) : null))
      .filter((text) => text !== null && text !== '')
      .map((text) => `: ${text}`)
      .join('');
    super(`${request}: no answer, tried ${tries === 1 ? 'once' : `${tries} times`}${why}`, { cause });
    this.name = 'Unreachable';
    this.tries = tries;
    this.maybeReceived = maybeReceived;
  }
}

const isNamed = (error: unknown, name: string) => isRecord(error) && error['name'] === name;

/** Told by its name, so that two copies of this package in one program understand each other. */
export function isApiProblem(error: unknown): error is ApiProblem {
  return isNamed(error, 'ApiProblem');
}

/** @see isApiProblem */
export function isOrderRefused(error: unknown): error is OrderRefused {
  return isNamed(error, 'OrderRefused');
}

/** @see isApiProblem */
export function isUnreachable(error: unknown): error is Unreachable {
  return isNamed(error, 'Unreachable');
}
