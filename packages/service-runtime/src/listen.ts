import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { limitConnections } from './connections.ts';
import { requestIdOf, sendProblem } from './http-exchange.ts';
import { problem, toProblemJson, PROBLEMS, type ProblemCode } from './problem.ts';
import { originForm } from './request-target.ts';

export interface Listening {
  readonly server: Server;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  readonly url: string;
  /** Takes no new connection, lets running requests finish, ends idle connections. */
  close(): Promise<void>;
}

/** A port that somebody else holds. */
export class PortTakenError extends Error {
  constructor(host: string, port: number, cause: unknown) {
    super(`port ${port} on ${host} is taken by another process; stop it or set another port`, { cause });
    this.name = 'PortTakenError';
  }
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The whole request must have arrived by then; 30 s by default. */
  readonly requestTimeoutMs?: number;
  /** Request line and headers together; 16 KB by default, beyond it 431. */
  readonly headerMaxBytes?: number;
  /** Near it the connection that keeps the server waiting longest is closed, beyond it the new one; no limit without. */
  readonly connectionsMax?: number;
  /** What runs when the server closes has this long to end; 400 ms by default. */
  readonly closeMaxMs?: number;
}

/** Above the 60 s idle time common to balancers, so that they, not we, end an idle connection. */
const keepAliveMs = 72_000;

/**
 * Serves an app. Requests that Node's parser refuses are answered with problem+json too.
 * @throws PortTakenError
 */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listening> {
  const { host, port, requestTimeoutMs = 30_000, headerMaxBytes = 16 * 1024 } = options;
  const { connectionsMax, closeMaxMs = 400 } = options;
  const server = createServer(
    {
      maxHeaderSize: headerMaxBytes,
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      // Node looks for late requests every 30 s by itself: a limit of 10 s would be one of 40.
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs),
      keepAliveTimeout: keepAliveMs,
      noDelay: true,
      requireHostHeader: false,
    },
    withOriginForm(app),
  );
  if (connectionsMax !== undefined) limitConnections(server, connectionsMax);
  server.on('clientError', answerParserError);
  // Node would answer both without a body: a missing Host, which nothing here needs, and an unknown Expect, which
  // RFC 9110 allows to ignore.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(host, port, error) : error),
    );
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    server,
    port: bound,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () => closeServer(server, closeMaxMs),
  };
}

function closeServer(server: Server, closeMaxMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection whose last request ends after close() would stay open for the keep-alive time.
    const sweep = setInterval(() => server.closeIdleConnections(), 20);
    // A body that trickles in must not hold up the rest of a stop.
    const cut = setTimeout(() => server.closeAllConnections(), closeMaxMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(cut);
      resolve();
    });
  });
}

/** Gateway and services read a target alike: what the one takes for a path, the others do too. */
function withOriginForm(app: RequestListener): RequestListener {
  return (request, response) => {
    const target = originForm(request.url ?? '/');
    if (target !== null) {
      request.url = target;
      app(request, response);
      return;
    }
    const requestId = requestIdOf(request);
    response.setHeader('X-Request-Id', requestId);
    const detail = 'the request target must be a path, or an http URL, without a fragment';
    sendProblem(response, problem('MALFORMED_REQUEST', { detail }), requestId);
  };
}

const parserProblems: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Node's own answers to broken requests have no body; ours say what is wrong. */
function answerParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = parserProblems[error.code ?? ''] ?? 'MALFORMED_REQUEST';
  const { status, title } = PROBLEMS[code];
  const requestId = randomUUID();
  const body = JSON.stringify(toProblemJson(problem(code, { detail: title }), requestId));
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nX-Request-Id: ${requestId}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
