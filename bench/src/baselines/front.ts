import express, { type ErrorRequestHandler, type Request } from 'express';
import type { Server } from 'node:http';
import { createTokenVerifier, type Caller } from '@orderflow/service-runtime/auth';
import { createLogger } from '@orderflow/service-runtime/logger';
import { isProblem } from '@orderflow/service-runtime/problem';
import type { Running } from '@orderflow/service-runtime/process';
import { ZodError } from 'zod';
import type { BaselineConfig } from './config.ts';

/** A refusal that is answered with its status and `{ code, ...details }`. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, details: Readonly<Record<string, unknown>> = {}) {
    super(code);
    this.name = 'HttpRefusal';
    this.status = status;
    this.body = { code, ...details };
  }
}

export interface Answer {
  readonly status: number;
  /** The body, as JSON text. */
  readonly json: string;
}

/** A POST of a caller whose bearer token was checked. */
export interface Route {
  readonly path: string;
  answer(request: Request, caller: Caller): Promise<Answer>;
}

/**
 * The HTTP side of every baseline: plain express, tokens checked with the cache that Orderflow's services have. It
 * listens once the issuer's keys are known. /readyz answers from then on and tells how many requests are `running`,
 * those included whose client is gone.
 * @param route null for a process that only tells that it is ready
 * @param close what ends after the last answer: pools, consumers
 */
export async function openFront(
  name: string,
  config: BaselineConfig,
  route: Route | null,
  close: () => Promise<void>,
): Promise<Running> {
  const logger = createLogger({ service: name, level: 'info' });
  const verifier = createTokenVerifier({
    jwksUrl: config.JWKS_URL,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    logger,
  });
  await verifier.ready();
  let running = 0;
  const app = express().disable('x-powered-by').disable('etag');
  app.use(express.json());
  app.get('/readyz', (_request, response) => void response.json({ running }));
  if (route) {
    app.post(route.path, async (request, response) => {
      running += 1;
      try {
        const caller = await verifier.verify(request.headers.authorization);
        const { status, json } = await route.answer(request, caller);
        response.status(status).type('json').send(json);
      } finally {
        running -= 1;
      }
    });
  }
  const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const { status, body } = answerTo(error);
    if (status === 500) logger.error({ err: error }, 'a request failed');
    response.status(status).json(body);
  };
  app.use(onError);
  const server = app.listen(config.PORT, '127.0.0.1');
  // As Orderflow's services: clients close idle connections, not the server.
  server.keepAliveTimeout = 72_000;
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return {
    async stop() {
      await endServer(server);
      await close();
    },
  };
}

function answerTo(error: unknown): { status: number; body: object } {
  if (error instanceof HttpRefusal) return { status: error.status, body: error.body };
  if (isProblem(error)) return { status: error.status, body: { code: error.code, detail: error.message } };
  if (error instanceof ZodError)
    return { status: 400, body: { code: 'VALIDATION_FAILED', errors: error.issues } };
  // What express.json refuses: its errors carry the status.
  if (error instanceof SyntaxError) return { status: 400, body: { code: 'MALFORMED_JSON' } };
  return { status: 500, body: { code: 'INTERNAL' } };
}

function endServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
