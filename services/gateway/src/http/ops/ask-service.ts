import { Agent, fetch } from 'undici';
import { isProblem, problem, PROBLEMS, type ProblemCode } from '@orderflow/service-runtime/problem';
import type { Logger } from '@orderflow/service-runtime/logger';
import { SERVICES, type Service } from '@orderflow/operations/shapes';

/** What an operator asks of a service, with the operator's own token: the service decides once more who may. */
export interface Question {
  readonly method: 'GET' | 'POST';
  /** Path and query, as the service knows them. */
  readonly target: string;
  readonly body?: unknown;
  readonly authorization: string | undefined;
  readonly requestId: string;
  readonly traceparent: string;
  /** Longer without the whole answer means that the service is away. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type AskService = (service: Service, question: Question) => Promise<unknown>;

/**
 * Asks services for what they know of themselves. An answer of 2xx is its body.
 * @throws Problem the service's own refusal; UNAVAILABLE when it is away, silent or failing
 */
export function createAskService(urls: Readonly<Record<Service, string>>, logger: Logger): AskService {
  // Operators ask seldom: connections of their own, which end when nobody looks on.
  const dispatcher = new Agent({ connections: 4, keepAliveTimeout: 1_000, keepAliveMaxTimeout: 1_000 });
  return async (service, { method, target, body, signal, timeoutMs, ...origin }) => {
    const headers: Record<string, string> = {
      'x-request-id': origin.requestId,
      traceparent: origin.traceparent,
      ...(origin.authorization === undefined ? {} : { authorization: origin.authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    let status: number;
    let answer: unknown;
    try {
      const response = await fetch(urls[service].replace(/\/$/, '') + target, {
        method,
        headers,
        redirect: 'error',
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      ({ status } = response);
      answer = await response.json();
    } catch (error) {
      logger.warn({ upstream: service, requestId: origin.requestId, err: error }, 'a service is away');
      throw away(service);
    }
    if (status < 300) return answer;
    throw refusalOf(service, status, answer);
  };
}

/**
 * True when the whole service could not answer: it is away, or it does not know the route (an older release) or the
 * token (keys not fetched yet) that the others know. False when it refused the question.
 */
export function isAway(error: unknown): boolean {
  return isProblem(error) && AWAY.has(error.code);
}

const AWAY: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'UNAUTHENTICATED',
]);

export function away(service: string): Error {
  const detail = `the ${service} service is away; try again`;
  return problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' } });
}

/** The service's refusal as the gateway's own: told under the same code. */
function refusalOf(service: Service, status: number, answer: unknown): Error {
  const { code, detail, errors } = (answer ?? {}) as {
    code?: string;
    detail?: string;
    errors?: { path: string; code: string; message: string }[];
  };
  if (status >= 500 || code === undefined || !Object.hasOwn(PROBLEMS, code)) return away(service);
  return problem(code as ProblemCode, { detail: detail ?? '', ...(errors ? { errors } : {}) });
}

/** The service that a step belongs to: the part of its name before the dot. */
export function serviceOfStep(step: string): Service | undefined {
  return SERVICES.find((service) => step.startsWith(`${service}.`));
}
