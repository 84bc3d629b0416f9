import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Request, type Response, type Router } from 'express';
import { requestIdOf, sendProblem } from '@orderflow/service-runtime/http-exchange';
import type { Logger } from '@orderflow/service-runtime/logger';
import { problem } from '@orderflow/service-runtime/problem';

const require = createRequire(import.meta.url);
const swagger = dirname(require.resolve('swagger-ui-dist/package.json'));
const assets = fileURLToPath(new URL('../../assets/docs/', import.meta.url));

/** Everything there is to see: the document, the page, and what the page loads. Nothing comes from elsewhere. */
const files: Readonly<Record<string, string>> = {
  '/openapi.json': require.resolve('@orderflow/client/openapi.json'),
  '/docs': join(assets, 'index.html'),
  '/docs/initializer.js': join(assets, 'initializer.js'),
  '/docs/swagger-ui.css': join(swagger, 'swagger-ui.css'),
  '/docs/swagger-ui-bundle.js': join(swagger, 'swagger-ui-bundle.js'),
  '/docs/favicon-32x32.png': join(swagger, 'favicon-32x32.png'),
};

/**
 * Swagger UI sets styles on elements and shows its icons as data. Requests go to this origin only, so a token typed in
 * here cannot be sent anywhere else.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

/**
 * Serves the API document at /openapi.json and a page to read and try it at /docs, to anyone and without any other
 * host.
 * @throws Error at start when one of the files is not installed
 */
export function apiDocs(logger: Logger): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  for (const [path, file] of Object.entries(files)) {
    if (!existsSync(file)) throw new Error(`${path}: there is no ${file}`);
    router.get(path, (request, response) => sendFile(request, response, file, logger));
    router.all(path, (request, response) => {
      const given = problem('METHOD_NOT_ALLOWED', {
        detail: `${path} answers to GET, HEAD`,
        headers: { Allow: 'GET, HEAD' },
      });
      sendProblem(response, given, requestIdOf(request));
    });
  }
  return router;
}

function sendFile(request: Request, response: Response, file: string, logger: Logger): void {
  if (request.path === '/docs') response.setHeader('Content-Security-Policy', pagePolicy);
  // Asked for again each time, answered with 304: a new release shows at once.
  response.setHeader('Cache-Control', 'no-cache');
  response.sendFile(file, { cacheControl: false, dotfiles: 'allow' }, (error: Error | undefined) => {
    if (!error || response.headersSent) return;
    logger.error({ err: error, file }, 'a file of the API docs could not be sent');
    const given = problem('INTERNAL', { detail: 'the file could not be read', cause: error });
    sendProblem(response, given, requestIdOf(request));
  });
}
