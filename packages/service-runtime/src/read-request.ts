import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import type { z } from 'zod';
import type { Caller, TokenVerifier } from './auth.ts';
import { readBody, traceparentOf } from './http-exchange.ts';
import { parseJsonBody } from './json-body.ts';
import { problem, type FieldError } from './problem.ts';
import type { CallerKind, Route, UntypedRequest } from './route.ts';

/** The largest legal order (50 lines) has 4 KB. */
const bodyMaxBytes = 32 * 1024;
/** A body of junk could bring thousands. */
const errorsMax = 20;
const waitMaxSeconds = 10;

/**
 * Turns a raw request into what a handle gets: caller checked, key checked, path, query and body parsed by their
 * schemas.
 * @throws Problem for the first of these that fails; all faults of path, query and body come together
 */
export async function readRequest(given: {
  route: Route;
  request: IncomingMessage & { params?: unknown };
  response: ServerResponse;
  requestId: string;
  verifyToken: TokenVerifier['verify'];
  closing: AbortSignal | undefined;
}): Promise<UntypedRequest> {
  const { route, request, response, requestId } = given;
  const caller = route.caller === 'anyone' ? null : await given.verifyToken(request.headers.authorization);
  if (caller) requireRole(caller, route.caller);
  const idempotencyKey = route.idempotent ? idempotencyKeyOf(request) : undefined;
  const errors: FieldError[] = [];
  const params = route.params ? read(route.params, request.params, '/path', errors) : undefined;
  const query = readQuery(route, request.url ?? '', errors);
  let body: unknown;
  if (route.body) {
    requireJson(request);
    body = read(route.body, parseJsonBody(await readBody(request, bodyMaxBytes)), '', errors);
  }
  if (errors.length > 0) {
    const detail = errors.map(({ path, message }) => `${path || '/'}: ${message}`).join('; ');
    throw problem('VALIDATION_FAILED', { detail: cut(detail, 1_000), errors: errors.slice(0, errorsMax) });
  }
  let signal: AbortSignal | undefined;
  return {
    caller,
    params,
    query,
    body,
    idempotencyKey,
    route: route.name,
    requestId,
    preferWaitSeconds: preferWaitOf(request.headers.prefer),
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    // Most handles use neither, so neither is made before it is asked for.
    get traceparent() {
      return traceparentOf(request);
    },
    get signal() {
      return (signal ??= signalOf(response, given.closing));
    },
  };
}

function requireRole(caller: Caller, kind: CallerKind): void {
  if (kind === 'operator' || kind === 'admin') {
    if (!caller.roles.has(kind)) throw problem('FORBIDDEN', { detail: `this needs the role ${kind}` });
  }
}

function idempotencyKeyOf(request: IncomingMessage): string {
  const key = request.headers['idempotency-key'];
  // Two such headers arrive joined by a comma and a space, so they are refused too.
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  const detail = 'send one Idempotency-Key header of 1 to 255 visible ASCII characters';
  throw problem('IDEMPOTENCY_KEY_REQUIRED', { detail });
}

function readQuery(route: Route, url: string, errors: FieldError[]): unknown {
  const start = url.indexOf('?');
  const given = start === -1 ? {} : parseQuery(url.slice(start + 1));
  if (route.query) return read(route.query, given, '/query', errors);
  for (const name of Object.keys(given)) {
    errors.push({ path: `/query/${pointerPart(name)}`, code: 'unrecognized_keys', message: 'is not known' });
  }
  return undefined;
}

function requireJson(request: IncomingMessage): void {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const known =
    type === 'application/json' ||
    /^application\/json[ \t]*(;[ \t]*charset=(utf-8|"utf-8")[ \t]*)?$/i.test(type);
  if (known && encoding === 'identity') return;
  throw problem('UNSUPPORTED_MEDIA_TYPE', { detail: 'send application/json in UTF-8, not compressed' });
}

function preferWaitOf(prefer: string | string[] | undefined): number | null {
  if (typeof prefer !== 'string') return null;
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer)?.[1];
  return seconds === undefined ? null : Math.min(Number(seconds), waitMaxSeconds);
}

function signalOf(response: ServerResponse, closing: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (response.destroyed || closing?.aborted) abort();
  else {
    closing?.addEventListener('abort', abort, { once: true });
    response.once('close', () => {
      closing?.removeEventListener('abort', abort);
      abort();
    });
  }
  return controller.signal;
}

/** Parses a value, adding its faults to `errors`; the result counts only when none were added. */
function read(schema: z.ZodType, value: unknown, prefix: string, errors: FieldError[]): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const path = prefix + issue.path.map((part) => `/${pointerPart(String(part))}`).join('');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, errorsMax)) {
        errors.push({ path: `${path}/${pointerPart(key)}`, code: issue.code, message: 'is not known' });
      }
    } else errors.push({ path, code: issue.code, message: cut(issue.message, 200) });
  }
  return undefined;
}

/** One part of a JSON pointer (RFC 6901). */
function pointerPart(part: string): string {
  return cut(part, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}
