/** One field that is wrong, as RFC 9457's extension `errors` carries it. */
export interface FieldError {
  /** JSON pointer: `/items/0/quantity` into the body, or below `/query`, `/path`, `/headers`. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Every code a caller can meet, with its status. The one catalogue: the docs list it and OpenAPI is made from it.
 * Renaming a code breaks clients that switch on it; a test pins the list.
 */
export const PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request breaks the schema' },
  MALFORMED_JSON: { status: 400, title: 'The body is not acceptable JSON' },
  MALFORMED_REQUEST: { status: 400, title: 'The request is not well-formed HTTP' },
  IDEMPOTENCY_KEY_REQUIRED: { status: 400, title: 'A valid Idempotency-Key is required' },
  DUPLICATE_PRODUCT: { status: 400, title: 'A product is named twice' },
  UNAUTHENTICATED: { status: 401, title: 'A valid access token is required' },
  FORBIDDEN: { status: 403, title: 'The caller lacks the role' },
  ROUTE_NOT_FOUND: { status: 404, title: 'No such route' },
  USER_NOT_FOUND: { status: 404, title: 'No such user' },
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
  COUPON_SOURCE_NOT_FOUND: { status: 404, title: 'No such coupon source' },
  COUPON_NOT_FOUND: { status: 404, title: 'No such coupon' },
  ORDER_NOT_FOUND: { status: 404, title: 'No such order' },
  PAYMENT_NOT_FOUND: { status: 404, title: 'No such payment' },
  DEAD_LETTER_NOT_FOUND: { status: 404, title: 'No such dead letter' },
  STEP_NOT_FOUND: { status: 404, title: 'No such step' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The route does not know this method' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive in time' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'A request with this key is still running' },
  BALANCE_LIMIT_EXCEEDED: { status: 409, title: 'The balance would pass its limit' },
  STOCK_NEGATIVE: { status: 409, title: 'The stock would fall below zero' },
  STOCK_LIMIT_EXCEEDED: { status: 409, title: 'The stock would pass its limit' },
  SOLD_OUT: { status: 409, title: 'Nothing is left of this coupon source' },
  ALREADY_ISSUED: { status: 409, title: 'The user already has a coupon of this source' },
  REFUND_CLOSED: { status: 409, title: 'The time for a refund is over' },
  NOT_CANCELLING: { status: 409, title: 'The order is not being cancelled' },
  TOO_OLD: { status: 409, title: 'The dead letter is too old to be replayed' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  INTERNAL: { status: 500, title: 'An unexpected error' },
  UNAVAILABLE: { status: 503, title: 'A needed backend is away' },
  SATURATED: { status: 503, title: 'Too many orders or streams are open' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemOptions {
  /** What is wrong with this very request, in a sentence; never a stack, a query or another user's data. */
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body, for instance `couponId` with ALREADY_ISSUED. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** What went wrong below; it is logged and never leaves the process. */
  readonly cause?: unknown;
}

/** A refusal on its way to the caller. Thrown from a route's handle; the http app writes it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, options: ProblemOptions) {
    super(options.detail, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
    this.extensions = options.extensions ?? {};
  }
}

/** Makes a Problem: `throw problem('SOLD_OUT', { detail: 'coupon source 7 has nothing left' })`. */
export function problem(code: ProblemCode, options: ProblemOptions): Problem {
  return new Problem(code, options);
}

/** True for a Problem of any copy of this package: told by its name and code, not by its class. */
export function isProblem(error: unknown): error is Problem {
  return (
    error instanceof Error && error.name === 'Problem' && 'code' in error && String(error.code) in PROBLEMS
  );
}

/** The members of RFC 9457 and ours, ready for JSON.stringify. */
export interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
  readonly [extension: string]: unknown;
}

/** The body of a problem answer (application/problem+json). Extensions never replace a standard member. */
export function toProblemJson(given: Problem, requestId: string): ProblemJson {
  return {
    ...given.extensions,
    type: `urn:orderflow:problem:${given.code.toLowerCase().replaceAll('_', '-')}`,
    title: PROBLEMS[given.code].title,
    status: given.status,
    code: given.code,
    detail: given.message,
    requestId,
    ...(given.errors ? { errors: given.errors } : {}),
  };
}
