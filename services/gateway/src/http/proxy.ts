import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TokenVerifier } from '@orderflow/service-runtime/auth';
import { readBody, sendProblem, traceparentOf } from '@orderflow/service-runtime/http-exchange';
import type { Logger } from '@orderflow/service-runtime/logger';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import { isProblem, problem, type Problem } from '@orderflow/service-runtime/problem';
import { cleanHeaders } from './incoming-headers.ts';
import { isPublic, isStream, serviceFor, type ServiceName } from './routing.ts';
import { createStreamShare } from './stream-share.ts';
import type { Upstreams } from './upstreams.ts';

export interface ProxyOptions {
  readonly upstreams: Upstreams;
  readonly verifyToken: TokenVerifier['verify'];
  /** Streams one user may have open. */
  readonly streamsPerUserMax: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** As in the services: 413 here spares them the bytes. */
const bodyMaxBytes = 32 * 1024;

/**
 * Sends a request on to the service its path belongs to and streams the answer back. Refuses early what the service
 * would refuse as well: a missing or bad token, a body above 32 KB. A body is read whole before the service sees the
 * request, so a slow caller holds no connection to a service.
 * @returns a middleware that calls `next` for paths of no service; it takes the request's id from `x-request-id`
 */
export function createServiceProxy(options: ProxyOptions) {
  const share = createStreamShare(options.streamsPerUserMax);
  const pass = async (
    service: ServiceName,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> => {
    const { method = 'GET', url = '/' } = request;
    if (!isPublic(method, url)) {
      const caller = await options.verifyToken(request.headers.authorization);
      if (isStream(method, url) && !response.destroyed) share.enter(caller.userId, response);
    }
    const body = hasBody(request) ? await readBody(request, bodyMaxBytes) : null;
    const traceparent = traceparentOf(request);
    cleanHeaders(request);
    // Set last: a caller may name any header in Connection, and have it taken away.
    request.headers['x-request-id'] = requestId;
    request.headers['traceparent'] = traceparent;
    options.upstreams[service].forward(request, response, body);
  };

  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const service = serviceFor(request.url ?? '/');
    if (!service) {
      next();
      return;
    }
    const startedAt = performance.now();
    const requestId = String(request.headers['x-request-id']);
    response.once('close', () => {
      // How long a stream lasts says nothing of how fast requests are answered.
      if (isStream(request.method ?? 'GET', request.url ?? '/')) return;
      options.metrics.observeHttp(
        `${service} service`,
        response.statusCode,
        (performance.now() - startedAt) / 1_000,
      );
    });
    pass(service, request, response, requestId).catch((error: unknown) => {
      sendProblem(response, refusalOf(error, options.logger, requestId), requestId);
    });
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function refusalOf(error: unknown, logger: Logger, requestId: string): Problem {
  if (isProblem(error)) return error;
  logger.error({ err: error, requestId }, 'a request could not be sent on');
  const detail = 'an unexpected error; the log has it under the request id';
  return problem('INTERNAL', { detail, cause: error });
}
