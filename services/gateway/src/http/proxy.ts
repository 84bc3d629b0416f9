import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { TokenVerifier } from '@orderflow/service-runtime/auth';
import { requestIdOf, sendProblem, traceparentOf } from '@orderflow/service-runtime/http-exchange';
import type { Logger } from '@orderflow/service-runtime/logger';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import { isProblem, problem, type Problem } from '@orderflow/service-runtime/problem';
import { cleanHeaders } from './incoming-headers.ts';
import { isPublic, serviceFor, type ServiceName } from './routing.ts';

export interface ProxyOptions {
  readonly services: Readonly<Record<ServiceName, string>>;
  readonly verifyToken: TokenVerifier['verify'];
  readonly upstreamTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** As in the services: 413 here spares them the bytes. */
const bodyMaxBytes = 32 * 1024;
/** Requests beyond it wait for a connection. */
const connectionsMax = 2_048;

type Forward = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Sends a request on to the service its path belongs to and streams the answer back. Refuses early what the service
 * would refuse as well: a missing or bad token, a body above 32 KB. A service that is away or silent is a 503.
 * @returns a middleware that calls `next` for paths of no service
 */
export function createServiceProxy(options: ProxyOptions) {
  const forwards = Object.fromEntries(
    Object.entries(options.services).map(([name, target]) => [name, forwardTo(name, target, options)]),
  ) as Record<ServiceName, Forward>;

  const pass = async (
    service: ServiceName,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const { method = 'GET', url = '/' } = request;
    if (!isPublic(method, url)) await options.verifyToken(request.headers.authorization);
    limitBody(request, response);
    await forwards[service](request, response);
  };

  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const service = serviceFor(request.url ?? '/');
    if (!service) {
      next();
      return;
    }
    const startedAt = performance.now();
    const requestId = requestIdOf(request);
    cleanHeaders(request);
    request.headers['x-request-id'] = requestId;
    traceparentOf(request);
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

function refusalOf(error: unknown, logger: Logger, requestId: string): Problem {
  if (isProblem(error)) return error;
  logger.error({ err: error, requestId }, 'a request could not be sent on');
  return problem('INTERNAL', {
    detail: 'an unexpected error; the log has it under the request id',
    cause: error,
  });
}

function tooLarge(): Problem {
  return problem('BODY_TOO_LARGE', { detail: `a body may have at most ${bodyMaxBytes} bytes` });
}

/**
 * Refuses a body that announces too much, and counts one that does not announce its length. The request stays paused
 * until it is piped on, so every byte is counted.
 */
function limitBody(request: IncomingMessage, response: ServerResponse): void {
  const endConnection = () => {
    response.setHeader('Connection', 'close');
    response.once('finish', () => request.destroy());
  };
  if (Number(request.headers['content-length'] ?? 0) > bodyMaxBytes) {
    endConnection();
    throw tooLarge();
  }
  if (request.headers['transfer-encoding'] === undefined) return;
  let received = 0;
  request.pause();
  request.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received <= bodyMaxBytes || response.headersSent) return;
    request.unpipe();
    request.pause();
    endConnection();
    sendProblem(response, tooLarge(), String(request.headers['x-request-id']));
  });
}

function forwardTo(name: string, target: string, options: ProxyOptions): Forward {
  const settings = { keepAlive: true, maxSockets: connectionsMax, scheduling: 'lifo' } as const;
  return createProxyMiddleware<IncomingMessage, ServerResponse>({
    target,
    agent: target.startsWith('https:') ? new TlsAgent(settings) : new Agent(settings),
    changeOrigin: true,
    proxyTimeout: options.upstreamTimeoutMs,
    // The middleware's own plugins log each request and answer errors in plain text.
    ejectPlugins: true,
    plugins: [
      (proxy) => {
        proxy.on('proxyReq', (upstream, _request, response) => {
          // http-proxy notices a caller who leaves only while the request is still arriving.
          response.once('close', () => {
            if (!response.writableFinished) upstream.destroy();
          });
        });
        proxy.on('proxyRes', (answer, _request, response) => {
          delete answer.headers['keep-alive'];
          answer.headers.connection = response.shouldKeepAlive ? 'keep-alive' : 'close';
          // A service that dies in the middle: the caller must not take half an answer for a whole one.
          answer.once('aborted', () => response.destroy());
        });
        proxy.on('error', (error, request, answer) => {
          // Without WebSockets the third argument is always a response.
          const response = answer as ServerResponse;
          if (response.destroyed || response.headersSent) {
            response.destroy();
            return;
          }
          const requestId = String(request.headers['x-request-id']);
          options.logger.warn({ service: name, requestId, err: error }, 'a service is away');
          const detail = `the ${name} service is away; try again`;
          sendProblem(
            response,
            problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' } }),
            requestId,
          );
        });
      },
    ],
  });
}
