import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
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

/** Adds routes; `callerOf` checks a request's bearer token, with the same cache that Orderflow's services have. */
export type AddRoutes = (app: Express, callerOf: (request: Request) => Promise<Caller>) => void;

/**
 * The HTTP side of every baseline: plain express. It listens once the issuer's keys are known, and /readyz answers from
 * then on.
 * @param close what ends after the last answer: pools, consumers
 */
export async function openFront(
  name: string,
  config: BaselineConfig,
  addRoutes: AddRoutes,
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
  const app = express().disable('x-powered-by').disable('etag');
  app.use(express.json());
  app.get('/readyz', (_request, response) => void response.json({ ready: true }));
  addRoutes(app, (request) => verifier.verify(request.headers.authorization));
  const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const { status, body } = answerTo(error);
    if (status === 500) logger.error({ err: error }, 'a request failed');
    response.status(status).json(body);
  };
  app.use(onError);
  const server = app.listen(config.PORT, '127.0.0.1');
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
