import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TokenVerifier } from '@orderflow/service-runtime/auth';
import { readBody, requestIdOf, sendProblem, traceparentOf } from '@orderflow/service-runtime/http-exchange';
import type { Logger } from '@orderflow/service-runtime/logger';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import { isProblem, problem, type Problem } from '@orderflow/service-runtime/problem';
import { cleanHeaders } from './incoming-headers.ts';
import { isPublic, serviceFor, type ServiceName } from './routing.ts';
import type { Upstream } from './upstream.ts';

export interface ProxyOptions {
  readonly upstreams: Readonly<Record<ServiceName, Upstream>>;
  readonly verifyToken: TokenVerifier['verify'];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** As in the services: 413 here spares them the bytes. */
const bodyMaxBytes = 32 * 1024;

/**
 * Sends a request on to the service its path belongs to and streams the answer back. Refuses early what the service
 * would refuse as well: a missing or bad token, a body above 32 KB. A body is read whole before the service sees the
 * request, so a slow caller holds no connection to a service.
 * @returns a middleware that calls `next` for paths of no service
 */
export function createServiceProxy(options: ProxyOptions) {
  const pass = async (
    service: ServiceName,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const { method = 'GET', url = '/' } = request;
    if (!isPublic(method, url)) await options.verifyToken(request.headers.authorization);
    const body = hasBody(request) ? await readBody(request, bodyMaxBytes) : null;
    cleanHeaders(request);
    options.upstreams[service].forward(request, response, body);
  };

  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const service = serviceFor(request.url ?? '/');
    if (!service) {
      next();
      return;
    }
    const startedAt = performance.now();
    const requestId = requestIdOf(request);
    request.headers['x-request-id'] = requestId;
    request.headers['traceparent'] = traceparentOf(request);
    response.setHeader('X-Request-Id', requestId);
    response.once('close', () => {
      options.metrics.observeHttp(
        `${service} service`,
        response.statusCode,
        (performance.now() - startedAt) / 1_000,
      );
    });
    pass(service, request, response).catch((error: unknown) => {
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
