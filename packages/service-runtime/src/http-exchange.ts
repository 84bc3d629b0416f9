import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { problem, toProblemJson, type Problem } from './problem.ts';

const saneRequestId = /^[\w.-]{1,128}$/;

/** The caller's X-Request-Id when it is harmless in logs and headers, otherwise a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

const traceContext = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's W3C trace context when it is valid, otherwise a new, sampled one, the same at each call. */
export function traceparentOf(request: IncomingMessage): string {
  const given = request.headers['traceparent'];
  if (typeof given === 'string' && traceContext.test(given)) return given;
  // Two UUIDs hold enough random bits, and randomUUID draws from a pool: 0.1 µs, where randomBytes costs 1.
  const made = `00-${randomUUID().replaceAll('-', '')}-${randomUUID().replaceAll('-', '').slice(16)}-01`;
  request.headers['traceparent'] = made;
  return made;
}

/** Sends a body that is complete. Does nothing when the answer has begun or the caller has gone. */
export function sendBody(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const type = { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...type }).end(body);
}

/** Sends a problem as application/problem+json. */
export function sendProblem(response: ServerResponse, given: Problem, requestId: string): void {
  const body = JSON.stringify(toProblemJson(given, requestId));
  sendBody(response, given.status, 'application/problem+json', body, given.headers);
}

/** A caller who is still sending loses the answer to a connection reset, so this much is read and dropped first. */
const droppedMaxBytes = 16 * 1024 * 1024;

/**
 * Reads a body of at most `maxBytes`; of a larger one nothing is kept.
 * @throws Problem BODY_TOO_LARGE as soon as it is known, or MALFORMED_REQUEST when the caller goes away in the middle
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | null = [];
    let length = 0;
    const tooLarge = () => {
      chunks = null;
      reject(problem('BODY_TOO_LARGE', { detail: `a body may have at most ${maxBytes} bytes` }));
    };
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) tooLarge();
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (chunks && length > maxBytes) tooLarge();
      chunks?.push(chunk);
      if (length > droppedMaxBytes) request.destroy();
    });
    request.on('end', () => {
      if (chunks) resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    const endedEarly = () => {
      reject(problem('MALFORMED_REQUEST', { detail: 'the body ended early' }));
    };
    request.on('error', endedEarly);
    request.on('close', () => {
      if (!request.complete) endedEarly();
    });
  });
}
