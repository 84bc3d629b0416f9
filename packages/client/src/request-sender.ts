import { Unreachable } from './errors.ts';
import { backOffMs, pause, retryAfterSeconds } from './pacing.ts';

/** The part of the standard's `fetch` that is used: any implementation of it fits. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A bearer token as it is, or a function that gives one that is good now; it is asked before each try. */
export type TokenSource = string | (() => Promise<string>);

export interface RetryLimits {
  /** No try begins later than this after the first, in milliseconds; 30,000 by default. */
  readonly limitMs?: number;
  /** How long one try may take, in milliseconds; 15,000 by default. */
  readonly attemptMs?: number;
}

export interface SenderOptions {
  readonly fetch?: Fetch | undefined;
  /** Absent for the routes that anyone may call. */
  readonly token?: TokenSource | undefined;
  /** `false`: each request is sent once. */
  readonly retry?: RetryLimits | false | undefined;
}

export interface SendOptions {
  /** True: sending this request again does no harm, although its method and headers do not say so. */
  readonly resend?: boolean | undefined;
  /** In place of the sender's own. */
  readonly attemptMs?: number | undefined;
  /** Called when a try may have taken effect although its answer was none, or one to try again after. */
  readonly onUnsure?: () => void;
}

/** Connects requests to the service: tokens in, tries again where that is safe. */
export interface RequestSender {
  readonly limitMs: number;
  readonly fetch: Fetch;
  /** The token for the next try; null for a caller without one. */
  token(): Promise<string | null>;
  /**
   * Sends a request until there is an answer that is worth no further try, and returns it, whatever its status, its
   * body read. Tried again are
   *
   * - a request that cannot have been received (no connection), and one answered by 429: always;
   * - no answer, 502, 503, 504 and 409 IDEMPOTENCY_IN_PROGRESS: when the request may be sent twice (it reads, is a PUT
   *   or DELETE, carries an Idempotency-Key, or `resend` says so);
   * - 401 once, if the token source has another token by then.
   *
   * @throws Unreachable without an answer
   * @throws the reason of `request.signal` once that is aborted
   */
  send(request: Request, options?: SendOptions): Promise<Response>;
}

const LIMIT_MS = 30_000;
const ATTEMPT_MS = 15_000;

/** Methods that RFC 9110 calls idempotent. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** What a server, or a proxy before it, answers while it cannot serve. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);
/** Codes of Node's and undici's errors before a connection stood. Browsers tell nothing: there every failure is unsure. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when the failure of a fetch says that no byte of the request has left. */
function neverReceived(failure: unknown): boolean {
  const cause = typeof failure === 'object' && failure !== null && 'cause' in failure ? failure.cause : null;
  return typeof cause === 'object' && cause !== null && 'code' in cause && NOT_CONNECTED.has(cause.code);
}

/** 429, or a backend away: an answer that asks for patience. */
export function isPassing(status: number): boolean {
  return status === 429 || AWAY.has(status);
}

/** Runs one try with a signal of its own, aborted by the caller's or when its time is over. */
async function within<Result>(
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  outer.throwIfAborted();
  const controller = new AbortController();
  const stop = () => controller.abort(outer.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms} ms`)), ms);
  outer.addEventListener('abort', stop, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}

/** The whole answer: one that breaks off in its body has failed like one that never came. */
async function readWhole(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const body = await response.arrayBuffer();
  const { status, statusText, headers } = response;
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
}

async function isInProgress(response: Response): Promise<boolean> {
  if (response.status !== 409) return false;
  return (await response.clone().text()).includes('"IDEMPOTENCY_IN_PROGRESS"');
}

/** A request in parts that can be sent any number of times. */
interface Parcel {
  readonly url: string;
  readonly init: RequestInit;
  readonly signal: AbortSignal;
  readonly twice: boolean;
}

async function pack(request: Request, resend: boolean): Promise<Parcel> {
  const { url, method, headers, signal, credentials } = request;
  const body = request.body === null ? {} : { body: await request.text() };
  return {
    url,
    init: { method, headers, credentials, ...body },
    signal,
    twice: resend || REPEATABLE.has(method) || headers.has('idempotency-key'),
  };
}

type Outcome =
  | { readonly kind: 'answer'; readonly response: Response; readonly token: string | null }
  | { readonly kind: 'failure'; readonly error: unknown; readonly received: boolean };

async function attempt(
  { url, init, signal }: Parcel,
  { fetch, token }: Pick<RequestSender, 'fetch' | 'token'>,
  attemptMs: number,
): Promise<Outcome> {
  const given = await token();
  const headers = new Headers(init.headers);
  if (given !== null) headers.set('authorization', `Bearer ${given}`);
  try {
    const response = await within(attemptMs, signal, async (own) =>
      readWhole(await fetch(url, { ...init, headers, signal: own })),
    );
    return { kind: 'answer', response, token: given };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failure', error, received: !neverReceived(error) };
  }
}

/** Makes a sender. Nothing is sent yet. */
export function createSender({ fetch: given, token: source, retry }: SenderOptions): RequestSender {
  const limitMs = retry === false ? 0 : (retry?.limitMs ?? LIMIT_MS);
  const attemptMs = retry === false ? ATTEMPT_MS : (retry?.attemptMs ?? ATTEMPT_MS);
  // Looked up at each call: a fetch that is replaced later (tracing, tests) counts.
  const fetch: Fetch = given ?? ((url, init) => globalThis.fetch(url, init));
  const token = async () => (typeof source === 'function' ? source() : (source ?? null));

  /** How long to wait before the next try, in milliseconds; null when there is to be none. */
  const waitBeforeNext = async (
    outcome: Outcome,
    { twice }: Parcel,
    tries: number,
    startedAt: number,
  ): Promise<number | null> => {
    if (!(await mayPass(outcome, twice))) return null;
    const seconds = outcome.kind === 'answer' ? retryAfterSeconds(outcome.response.headers) : null;
    const waitMs = backOffMs(tries, (seconds ?? 0) * 1000);
    return performance.now() - startedAt + waitMs > limitMs ? null : waitMs;
  };
  const hasNewToken = async (outcome: Outcome): Promise<boolean> =>
    outcome.kind === 'answer' && outcome.response.status === 401 && (await token()) !== outcome.token;

  return {
    limitMs,
    fetch,
    token,
    async send(request, options = {}) {
      const parcel = await pack(request, options.resend ?? false);
      const startedAt = performance.now();
      let unsure = false;
      let renewed = retry === false;
      for (let tries = 0; ; tries += 1) {
        const outcome = await attempt(parcel, { fetch, token }, options.attemptMs ?? attemptMs);
        if (!renewed && (await hasNewToken(outcome))) {
          renewed = true;
          continue;
        }
        const waitMs = await waitBeforeNext(outcome, parcel, tries, startedAt);
        unsure ||= outcome.kind === 'answer' ? outcome.response.status !== 429 : outcome.received;
        if (waitMs !== null) {
          if (unsure) options.onUnsure?.();
          await pause(waitMs, parcel.signal);
        } else if (outcome.kind === 'answer') {
          return outcome.response;
        } else {
          throw new Unreachable(`${request.method} ${parcel.url}`, tries + 1, unsure, outcome.error);
        }
      }
    },
  };
}

/** Whether a next try may end better than this one, and does no harm. */
async function mayPass(outcome: Outcome, twice: boolean): Promise<boolean> {
  if (outcome.kind === 'failure') return twice || !outcome.received;
  const { response } = outcome;
  if (response.status === 429) return true;
  return twice && (AWAY.has(response.status) || (await isInProgress(response)));
}
