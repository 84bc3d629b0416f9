import cors from 'cors';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { requestIdOf } from '@orderflow/service-runtime/http-exchange';

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
 * The app every request of the door enters: its id, security headers, CORS. A browser's preflight is answered here and
 * counts for no limit; a refusal by a limit carries the CORS headers already, so that a browser's code can read it.
 * @param origins that a browser may call from; with `*` any. Tokens are headers, never cookies, so none is trusted more
 */
export function createFront(origins: readonly string[]): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(identify);
  app.use(helmet());
  const origin = origins.includes('*') ? '*' : [...origins];
  const share = cors({ origin, methods, allowedHeaders, exposedHeaders, maxAge: 600 });
  const shareOnly = cors({ origin, exposedHeaders, preflightContinue: true });
  app.use((request: Request, response: Response, next: NextFunction) => {
    const { method, headers } = request;
    // An OPTIONS that is no preflight is a method like any other.
    const plain = method === 'OPTIONS' && headers['access-control-request-method'] === undefined;
    (plain ? shareOnly : share)(request, response, next);
  });
  return app;
}

function identify(request: Request, response: Response, next: NextFunction): void {
  const requestId = requestIdOf(request);
  request.headers['x-request-id'] = requestId;
  response.setHeader('X-Request-Id', requestId);
  next();
}
