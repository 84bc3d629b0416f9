import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import cors from 'cors';
import helmet from 'helmet';
import { requestIdOf, sendProblem } from '@orderflow/service-runtime/http-exchange';
import type { Logger } from '@orderflow/service-runtime/logger';
import { problem } from '@orderflow/service-runtime/problem';

/** One step on the way of a request: answers it, or lets the next one have it. */
type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Headers a browser's code may read. */
const exposedHeaders = [
  'Allow',
  'Idempotency-Replayed',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/** Headers a browser's code may send. */
const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  'Prefer',
  'traceparent',
  'X-Request-Id',
];

const methods = ['GET', 'HEAD', 'POST', 'PATCH'];

/**
 * What every request of the door passes: its id, security headers, CORS, then the given steps in their order. A
 * browser's preflight is answered here and counts for no limit; a refusal by a limit carries the CORS headers already,
 * so that a browser's code can read it.
 *
 * The steps call one another: as middlewares of an express app they cost a forwarded request its router's work, 9 % of
 * the gateway's CPU time (V8's profiler, at its peak).
 * @param origins that a browser may call from; with `*` any. Tokens are headers, never cookies, so none is trusted more
 * @param rest answers what no step does
 */
export function createFront(
  origins: readonly string[],
  steps: readonly Middleware[],
  rest: RequestListener,
  logger: Logger,
): RequestListener {
  const all: readonly Middleware[] = [identify, helmet(), shareWith(origins), ...steps];
  return (request, response) => {
    const pass = (index: number): void => {
      const step = all[index];
      if (!step) {
        rest(request, response);
        return;
      }
      step(request, response, (error) => {
        if (error === undefined) pass(index + 1);
        else refuse(request, response, error, logger);
      });
    };
    pass(0);
  };
}

function identify(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const requestId = requestIdOf(request);
  request.headers['x-request-id'] = requestId;
  response.setHeader('X-Request-Id', requestId);
  next();
}

function shareWith(origins: readonly string[]): Middleware {
  const origin = origins.includes('*') ? '*' : [...origins];
  const share = cors<IncomingMessage>({ origin, methods, allowedHeaders, exposedHeaders, maxAge: 600 });
  const shareOnly = cors<IncomingMessage>({ origin, exposedHeaders, preflightContinue: true });
  return (request, response, next) => {
    const { method, headers } = request;
    // An OPTIONS that is no preflight is a method like any other.
    const plain = method === 'OPTIONS' && headers['access-control-request-method'] === undefined;
    (plain ? shareOnly : share)(request, response, next);
  };
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, logger: Logger): void {
  const requestId = requestIdOf(request);
  logger.error({ err: error, requestId }, 'a step before the services failed');
  const detail = 'an unexpected error; the log has it under the request id';
  sendProblem(response, problem('INTERNAL', { detail, cause: error }), requestId);
}
