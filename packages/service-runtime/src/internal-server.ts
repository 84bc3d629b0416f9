import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { requestIdOf, sendBody, sendProblem } from './http-exchange.ts';
import { listen, type Listening } from './listen.ts';
import { problem } from './problem.ts';

/** One thing that must hold; `detail` says what is missing when it does not. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface InternalServerOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  /** Progress only: a failing check means "restart me". Never a backend. */
  readonly live: () => readonly Check[];
  /** Everything needed to serve: backends, migrations, consumers. */
  readonly ready: () => Promise<readonly Check[]>;
}

/** A check that hangs is a check that fails. */
const readyMaxMs = 2_000;

/**
 * Serves /livez, /readyz and /metrics on a port of its own that the public never reaches. The first two answer 200, or
 * 503 with the failing checks in `missing`.
 */
export function startInternalServer(options: InternalServerOptions): Promise<Listening> {
  const app = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(request, response, 'METHOD_NOT_ALLOWED', 'the internal port answers to GET', {
        Allow: 'GET, HEAD',
      });
    } else if (path === '/livez') sendChecks(response, options.live());
    else if (path === '/readyz') sendChecks(response, await withinTime(options.ready));
    else if (path === '/metrics') {
      sendBody(response, 200, options.registry.contentType, await options.registry.metrics());
    } else refuse(request, response, 'ROUTE_NOT_FOUND', 'here are /livez, /readyz and /metrics');
  };
  return listen((request, response) => {
    app(request, response).catch(() => refuse(request, response, 'INTERNAL', 'the check itself failed'));
  }, options);
}

function sendChecks(response: ServerResponse, checks: readonly Check[]): void {
  const missing = checks.filter((check) => !check.ok);
  const status = missing.length === 0 ? 'ok' : 'unavailable';
  const body = JSON.stringify({ status, missing: missing.map((check) => check.name), checks });
  sendBody(response, missing.length === 0 ? 200 : 503, 'application/json', body);
}

async function withinTime(ready: InternalServerOptions['ready']): Promise<readonly Check[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Check[]>((resolve) => {
    timer = setTimeout(
      () => resolve([{ name: 'checks', ok: false, detail: `no result in ${readyMaxMs} ms` }]),
      readyMaxMs,
    );
  });
  const failed = (error: unknown): readonly Check[] => [
    { name: 'checks', ok: false, detail: error instanceof Error ? error.message : String(error) },
  ];
  try {
    return await Promise.race([ready().catch(failed), late]);
  } finally {
    clearTimeout(timer);
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  code: 'METHOD_NOT_ALLOWED' | 'ROUTE_NOT_FOUND' | 'INTERNAL',
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendProblem(response, problem(code, { detail, headers }), requestIdOf(request));
}
