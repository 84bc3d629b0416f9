import { setMaxListeners } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Request, type Response } from 'express';
import type { TokenVerifier } from './auth.ts';
import { isBackendAway } from './backend-away.ts';
import { sendEvents } from './event-stream.ts';
import { requestIdOf, sendBody, sendProblem, traceparentOf } from './http-exchange.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { isProblem, problem, type Problem } from './problem.ts';
import { readRequest } from './read-request.ts';
import type { Route, StreamAnswer, UntypedAnswer, UntypedRequest } from './route.ts';

export interface HttpAppOptions {
  readonly routes: readonly Route[];
  readonly verifyToken: TokenVerifier['verify'];
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Checks each answer against its declared schema; a difference is a 500. For tests: it costs as much as a request. */
  readonly checkAnswers?: boolean;
  /** Requests slower than this are logged; 1000 ms by default. */
  readonly slowMs?: number;
  /** Aborted when the process stops: streams end, and who waits is answered. */
  readonly closing?: AbortSignal;
  /** A comment is sent down a quiet stream this often, so that nobody on the way takes it for dead; 15 s by default. */
  readonly heartbeatMs?: number;
}

/**
 * The http side of a service: answers the given routes and nothing else. Errors of every kind leave as problem+json; a
 * body, query or path that breaks its schema never reaches a handle.
 *
 * A path without parameters is looked up before express sees the request, since express's router is a large part of a
 * short request (the ablation `without-direct-routes` tells how large). Everything else is express's.
 */
export function createHttpApp(options: HttpAppOptions): RequestListener {
  const app = express();
  const direct = new Map<string, RequestListener>();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  // Each open stream and each waiting request listens.
  if (options.closing) setMaxListeners(0, options.closing);
  const stream = options.routes.some((route) => route.stream) ? createStreamer(options) : null;

  // In code unit order a literal part comes before a parameter: /v1/products/popular before /v1/products/{id}.
  for (const path of [...new Set(options.routes.map((route) => route.path))].sort()) {
    const routes = options.routes.filter((route) => route.path === path);
    const entry = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const route of routes) {
      const answer = answerRoute(route, options, stream);
      entry[lowerCase(route.method)]((request, response) => void answer(request, response));
      if (!path.includes('{')) {
        direct.set(`${route.method} ${path}`, (request, response) => void answer(request, response));
      }
    }
    const allow = allowedMethods(routes);
    entry.all((request: Request, response: Response) => {
      const detail = `${path} answers to ${allow}`;
      refuse(
        request,
        response,
        problem('METHOD_NOT_ALLOWED', { detail, headers: { Allow: allow } }),
        options,
      );
    });
  }
  app.use((request: Request, response: Response) => {
    refuse(request, response, problem('ROUTE_NOT_FOUND', { detail: 'no such route' }), options);
  });
  app.use((error: unknown, request: Request, response: Response, next: () => void) => {
    // The router's only own error: a path whose percent-encoding does not decode.
    if (error instanceof URIError || (error instanceof Error && 'status' in error && error.status === 400)) {
      refuse(
        request,
        response,
        problem('MALFORMED_REQUEST', { detail: 'the path does not decode' }),
        options,
      );
    } else if (response.headersSent) next();
    else refuse(request, response, asProblem(error), options, error);
  });
  return (request, response) => {
    const { method = '', url = '' } = request;
    const query = url.indexOf('?');
    const answer = direct.get(`${method} ${query === -1 ? url : url.slice(0, query)}`) ?? app;
    answer(request, response);
  };
}

function lowerCase(method: Route['method']): 'get' | 'post' | 'put' | 'patch' | 'delete' {
  return method.toLowerCase() as Lowercase<Route['method']>;
}

function allowedMethods(routes: readonly Route[]): string {
  const methods: string[] = routes.map((route) => route.method);
  return (methods.includes('GET') ? [...methods, 'HEAD'] : methods).join(', ');
}

/** The whole way of one request. Uses nothing of express but the path parameters. */
function answerRoute(route: Route, options: HttpAppOptions, stream: Streamer | null) {
  const { logger, metrics, checkAnswers = false, slowMs = 1_000 } = options;
  return async (request: IncomingMessage & { params?: unknown }, response: ServerResponse): Promise<void> => {
    const startedAt = performance.now();
    const requestId = requestIdOf(request);
    response.setHeader('X-Request-Id', requestId);
    let askedToWaitMs = 0;
    let failure: unknown;
    let problemGiven: Problem | undefined;
    try {
      const { verifyToken, closing } = options;
      const read = await readRequest({ route, request, response, requestId, verifyToken, closing });
      if (route.answerHeaders.includes('Preference-Applied')) {
        askedToWaitMs = (read.preferWaitSeconds ?? 0) * 1_000;
      }
      const answer = await route.handle(read);
      if ('events' in answer) stream?.(route, read, request, response, answer);
      else sendAnswer(response, answer, checkAnswers ? route : null);
    } catch (error) {
      failure = error;
      problemGiven = asProblem(error);
      sendProblem(response, problemGiven, requestId);
    }
    const elapsedMs = performance.now() - startedAt;
    metrics.observeHttp(route.name, response.statusCode, elapsedMs / 1_000);
    const isSlow = elapsedMs >= slowMs + askedToWaitMs;
    if (response.statusCode >= 500 || isSlow || logger.isLevelEnabled('debug')) {
      const level = response.statusCode >= 500 ? 'error' : isSlow ? 'warn' : 'debug';
      const fields = { route: route.name, status: response.statusCode, ms: Math.round(elapsedMs), requestId };
      logger[level](
        {
          ...fields,
          traceparent: traceparentOf(request),
          code: problemGiven?.code,
          err: level === 'error' ? failure : undefined,
        },
        'request',
      );
    }
  };
}

function sendAnswer(response: ServerResponse, answer: UntypedAnswer, checked: Route | null): void {
  if ('json' in answer) {
    sendBody(response, answer.status, 'application/json', answer.json, answer.headers);
    return;
  }
  if (checked) {
    const schema = checked.answers[answer.status];
    if (!schema) throw new Error(`${checked.name} does not declare the answer ${answer.status}`);
    schema.parse(answer.body);
  }
  if (answer.body === undefined) {
    response.writeHead(answer.status, answer.headers).end();
    return;
  }
  sendBody(response, answer.status, 'application/json', JSON.stringify(answer.body), answer.headers);
}

type Streamer = (
  route: Route,
  read: UntypedRequest,
  request: IncomingMessage,
  response: ServerResponse,
  answer: StreamAnswer<unknown>,
) => void;

/** Streams are counted by themselves: their length says nothing of how fast requests are answered. */
function createStreamer({
  metrics,
  logger,
  checkAnswers,
  closing,
  heartbeatMs = 15_000,
}: HttpAppOptions): Streamer {
  const open = metrics.gauge('http_streams_open', 'Event streams that are open', ['route']);
  const ended = metrics.counter('http_streams_ended_total', 'Event streams that ended, by what ended them', [
    'route',
    'end',
  ]);
  return (route, read, request, response, answer) => {
    const { stream } = route;
    if (!stream) throw new Error(`${route.name} does not declare a stream`);
    if (request.method === 'HEAD') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', ...answer.headers }).end();
      return;
    }
    open.inc({ route: route.name });
    void sendEvents({
      response,
      event: stream.event,
      events: answer.events,
      headers: answer.headers ?? {},
      expiresAt: read.caller?.expiresAt ?? Number.POSITIVE_INFINITY,
      closing,
      heartbeatMs,
      check: checkAnswers ? (data) => void stream.data.parse(data) : undefined,
    }).then(({ end, error }) => {
      open.dec({ route: route.name });
      ended.inc({ route: route.name, end });
      if (end !== 'failed') return;
      const { requestId } = read;
      logger.error({ route: route.name, requestId, err: error }, 'a stream failed; its connection was ended');
    });
  };
}

/** What the caller is told. Nothing of an unexpected error leaves the process but its request id. */
function asProblem(error: unknown): Problem {
  if (isProblem(error)) return error;
  if (isBackendAway(error)) {
    const detail = 'a needed backend is away; try again';
    return problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' }, cause: error });
  }
  return problem('INTERNAL', {
    detail: 'an unexpected error; the log has it under the request id',
    cause: error,
  });
}

/** Answers a request that belongs to no route, under one name in the metrics however many paths are tried. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  given: Problem,
  options: HttpAppOptions,
  error?: unknown,
): void {
  const requestId = requestIdOf(request);
  response.setHeader('X-Request-Id', requestId);
  sendProblem(response, given, requestId);
  options.metrics.observeHttp('no route', given.status, 0);
  if (given.status >= 500)
    options.logger.error({ requestId, err: error }, 'request outside the routes failed');
}
