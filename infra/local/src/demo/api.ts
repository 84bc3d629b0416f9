import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** The answers of the public API as far as a client of the whole saga needs them. */
export interface Product {
  readonly id: number;
  readonly name: string;
  readonly price: string;
  readonly stock: number;
}

export interface Coupon {
  readonly id: number;
  readonly couponSourceId: number;
  readonly discountAmount: string;
  readonly status: 'UNUSED' | 'USED';
}

export interface Order {
  readonly id: number;
  readonly userId: number;
  readonly status: string;
  readonly couponId: number | null;
  readonly originalAmount: string | null;
  readonly discountAmount: string | null;
  readonly totalAmount: string | null;
  readonly failureReason: string | null;
  readonly items: ReadonlyArray<{ productId: number; quantity: number; unitPrice: string | null }>;
  readonly createdAt: string;
  readonly paidAt: string | null;
}

export interface TimelineEntry {
  readonly id: number;
  readonly type: string;
  readonly attempt: number;
  readonly reason: string | null;
  readonly createdAt: string;
}

export interface OrderRequest {
  readonly items: ReadonlyArray<{ productId: number; quantity: number; unitPrice?: string }>;
  readonly couponId?: number;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** An answer as it came, whatever its status. */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** An answer outside 2xx where one inside was needed. */
export class ApiFailure extends Error {
  readonly status: number;
  /** The problem's code, as `ALREADY_ISSUED`. */
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(request: string, { status, body }: Answer) {
    const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    const code = typeof problem['code'] === 'string' ? problem['code'] : 'UNKNOWN';
    super(`${request}: ${status} ${code} ${typeof problem['detail'] === 'string' ? problem['detail'] : ''}`);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = code;
    this.body = problem;
  }
}

export interface SendOptions {
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}

/** The API as one user sees it. */
export interface ApiClient {
  readonly userId: number;
  /** Any status comes back as it is. */
  send<Body>(method: string, path: string, options?: SendOptions): Promise<Answer<Body>>;
  /** @throws ApiFailure outside 2xx. */
  get<Body>(path: string): Promise<Body>;
  /** With an Idempotency-Key of its own. @throws ApiFailure outside 2xx. */
  post<Body>(path: string, body?: unknown): Promise<Body>;
  patch<Body>(path: string, body: unknown): Promise<Body>;
}

export type Role = 'operator' | 'admin';

/** A stack that is started again is back within a minute. */
const RETRY_LIMIT_MS = 90_000;
const REQUEST_LIMIT_MS = 15_000;
const BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 2000;
/** A token is replaced this long before it expires. */
const TOKEN_SPARE_MS = 60_000;

function waitFor(answer: Answer | null, attempt: number): number {
  const retryAfter = Number(answer?.headers.get('retry-after') ?? Number.NaN);
  const backOff = Math.min(BACK_OFF_MS * 2 ** attempt, LONGEST_BACK_OFF_MS);
  return Number.isFinite(retryAfter) ? Math.max(retryAfter * 1000, backOff) : backOff;
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  return response.headers.get('content-type')?.includes('json') ? (JSON.parse(text) as unknown) : text;
}

/**
 * One request, sent again while the answer is 503 or 429 or no answer comes, for up to 90 s: a key makes that safe.
 *
 * @throws the last connection error when no answer came at all.
 */
async function request(url: string, init: RequestInit): Promise<Answer> {
  const startedAt = performance.now();
  for (let attempt = 0; ; attempt += 1) {
    let answer: Answer | null = null;
    let failure: unknown;
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
      answer = { status: response.status, headers: response.headers, body: await readBody(response) };
    } catch (error) {
      failure = error;
    }
    if (answer !== null && answer.status !== 503 && answer.status !== 429) return answer;
    const waitMs = waitFor(answer, attempt);
    if (performance.now() - startedAt + waitMs > RETRY_LIMIT_MS) {
      if (answer !== null) return answer;
      throw failure;
    }
    await pause(waitMs);
  }
}

/** Renews a token shortly before it expires; callers at the same time share one. */
function tokenSource(gateway: string, userId: number, roles: readonly Role[]): () => Promise<string> {
  let current: Promise<{ accessToken: string; goodUntil: number }> | null = null;
  const renew = async () => {
    const answer = await request(`${gateway}/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId, roles }),
    });
    if (answer.status !== 200) throw new ApiFailure('POST /v1/auth/token', answer);
    const { accessToken, expiresIn } = answer.body as { accessToken: string; expiresIn: number };
    return { accessToken, goodUntil: Date.now() + expiresIn * 1000 - TOKEN_SPARE_MS };
  };
  return async () => {
    let token = await (current ??= renew());
    if (Date.now() > token.goodUntil) token = await (current = renew());
    return token.accessToken;
  };
}

/** A client for one user of the local stack; any id, known or not. */
export function createApiClient(gateway: string, userId: number, roles: readonly Role[] = []): ApiClient {
  const token = tokenSource(gateway, userId, roles);
  const send = async <Body>(
    method: string,
    path: string,
    { body, idempotencyKey }: SendOptions = {},
  ): Promise<Answer<Body>> => {
    const headers = new Headers({ authorization: `Bearer ${await token()}` });
    if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return (await request(`${gateway}${path}`, { method, headers, ...content })) as Answer<Body>;
  };
  const need = async <Body>(method: string, path: string, options: SendOptions): Promise<Body> => {
    const answer = await send<Body>(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new ApiFailure(`${method} ${path}`, answer);
    return answer.body;
  };
  return {
    userId,
    send,
    get: (path) => need('GET', path, {}),
    patch: (path, body) => need('PATCH', path, { body }),
    post: (path, body) => need('POST', path, { body, idempotencyKey: randomUUID() }),
  };
}
