import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import type { Logger } from '@orderflow/service-runtime/logger';
import { sendProblem } from '@orderflow/service-runtime/http-exchange';
import { problem, type Problem } from '@orderflow/service-runtime/problem';
import { createCircuit } from './circuit.ts';
import { isStream } from './routing.ts';

/** A service behind the gateway and the connections to it. */
export interface Upstream {
  /**
   * Sends a request whose body has been read and streams the answer back. Always answers: 503 when the service is
   * away or silent, at once when it has been so for a while or when too many wait for it already. An answer that
   * breaks off ends the caller's connection, so that half is never taken for whole.
   */
  forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void;
  /** For the metrics. */
  state: () => UpstreamState;
  /** Ends the open streams as if they were over; their callers come back and meet another instance. */
  endStreams(): void;
  /** Ends everything. */
  close(): Promise<void>;
}

export interface UpstreamState {
  /** The service counts as away. */
  readonly open: boolean;
  /** Requests without the first byte of an answer. */
  readonly waiting: number;
  readonly streams: number;
}

export type RefusalReason = 'open' | 'waiting' | 'streams';

export interface UpstreamOptions {
  readonly name: string;
  readonly url: string;
  /** Longer without a byte of the answer means that the service is away. */
  readonly silentMaxMs: number;
  /** Requests that may wait for an answer at once. */
  readonly waitingMax: number;
  readonly streamsMax: number;
  readonly logger: Logger;
  /** Told of each request that is refused without asking the service. */
  readonly onRefused: (reason: RefusalReason) => void;
}

/** A caller who reads nothing of its answer for so long is let go; until then the service is paused with it. */
const unreadMaxMs = 30_000;

/** A connection whose stream has ended waits so long for another; the services would keep 4,000 of them for 72 s. */
const idleStreamMs = 1_000;

/** One forwarded request, from being sent to the end of its answer. */
interface Exchange {
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly streaming: boolean;
  readonly startedAt: number;
  controller: Dispatcher.DispatchController | null;
  begun: boolean;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, silentMaxMs } = options;
  const settings = { pipelining: 1, connect: { timeout: 2_000 }, headersTimeout: silentMaxMs };
  // undici and not http.request: 250–300 µs of CPU a request in the gateway instead of 330–370 (http-proxy: 360–420).
  const requests = { ...settings, connections: options.waitingMax, bodyTimeout: silentMaxMs };
  const pool = new Pool(options.url, requests);
  // A stream holds its connection for minutes, so streams have their own: however many, they block no request. Two
  // heartbeats of 15 s may be late before a stream counts as broken.
  const lasting = {
    ...settings,
    connections: options.streamsMax,
    bodyTimeout: 2 * silentMaxMs,
    keepAliveTimeout: idleStreamMs,
    keepAliveMaxTimeout: idleStreamMs,
  };
  const streamPool = new Pool(options.url, lasting);
  const prefix = new URL(options.url).pathname.replace(/\/$/, '');
  const exchanges = keepExchanges(options);
  return {
    forward(request, response, body) {
      const { method = 'GET', url = '/', headers } = request;
      const requestId = String(headers['x-request-id']);
      const streaming = isStream(method, url);
      const reason = exchanges.refusalReason(streaming);
      if (reason) {
        options.onRefused(reason);
        sendProblem(response, away(name), requestId);
        return;
      }
      // Who asks to wait takes a place for seconds: at most half of them, the rest is for those who do not.
      if (headers.prefer !== undefined && exchanges.state().waiting >= options.waitingMax / 2)
        delete headers.prefer;
      const startedAt = performance.now();
      const exchange = { response, requestId, streaming, startedAt, controller: null, begun: false };
      exchanges.sent(exchange);
      const target = { path: prefix + url, method, headers, body };
      (streaming ? streamPool : pool).dispatch(target, answerInto(exchange, exchanges));
    },
    state: () => exchanges.state(),
    endStreams: () => exchanges.endStreams(),
    async close() {
      await Promise.all([pool.destroy(), streamPool.destroy()]);
    },
  };
}

/** What runs towards one service, and what that says about the service. */
function keepExchanges({ name, waitingMax, streamsMax, logger }: UpstreamOptions) {
  const circuit = createCircuit();
  const streams = new Set<Exchange>();
  let waiting = 0;

  const begun = (exchange: Exchange): void => {
    if (!exchange.begun && !exchange.streaming) waiting -= 1;
    exchange.begun = true;
  };
  const refuse = ({ response, requestId, startedAt }: Exchange, error: Error, unheard: boolean): void => {
    const refusal = refusalOf(name, error);
    if (refusal.code === 'UNAVAILABLE') {
      if (unheard) circuit.failed(startedAt);
      logger.warn({ upstream: name, requestId, err: error }, 'a service is away');
    }
    sendProblem(response, refusal, requestId);
  };
  return {
    refusalReason(streaming: boolean): RefusalReason | null {
      if (streaming && streams.size >= streamsMax) return 'streams';
      if (!streaming && waiting >= waitingMax) return 'waiting';
      return circuit.admits() ? null : 'open';
    },
    sent(exchange: Exchange): void {
      if (exchange.streaming) streams.add(exchange);
      else waiting += 1;
    },
    answered(exchange: Exchange): void {
      begun(exchange);
      circuit.answered();
    },
    ended: (exchange: Exchange) => streams.delete(exchange),
    failed(exchange: Exchange, error: Error): void {
      const { response } = exchange;
      const unheard = !exchange.begun;
      begun(exchange);
      streams.delete(exchange);
      if (response.destroyed || response.writableEnded) return;
      if (response.headersSent) response.destroy();
      else refuse(exchange, error, unheard);
    },
    state: () => ({ open: circuit.isOpen(), waiting, streams: streams.size }),
    endStreams(): void {
      for (const { response, controller } of streams) {
        if (!response.headersSent) continue;
        response.end();
        controller?.abort(new Error('the gateway is stopping'));
      }
    },
  };
}

function away(name: string): Problem {
  const detail = `the ${name} service is away; try again`;
  return problem('UNAVAILABLE', { detail, headers: { 'Retry-After': '1' } });
}

function refusalOf(name: string, error: Error & { code?: string }): Problem {
  // What undici will not send came from the caller.
  if (error.code === 'UND_ERR_INVALID_ARG') {
    return problem('MALFORMED_REQUEST', { detail: 'the request cannot be sent on as it is' });
  }
  return away(name);
}

/** Headers of the connection to the service; the caller's connection has its own. */
const ownOfConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'x-request-id']);

function answerInto(
  exchange: Exchange,
  exchanges: ReturnType<typeof keepExchanges>,
): Dispatcher.DispatchHandler {
  const { response } = exchange;
  return {
    onRequestStart(controller) {
      exchange.controller = controller;
      const callerLeft = () => {
        if (!response.writableFinished) controller.abort(new Error('the caller has gone'));
      };
      if (response.destroyed) callerLeft();
      else response.once('close', callerLeft);
    },
    onResponseStart(_controller, status, headers) {
      if (status < 200) return;
      exchanges.answered(exchange);
      if (response.headersSent || response.destroyed) return;
      response.statusCode = status;
      for (const name in headers) {
        const value = headers[name];
        if (value !== undefined && !ownOfConnection.has(name)) response.setHeader(name, value);
      }
      // A stream's first event may be far away; its headers are not.
      if (headers['content-length'] === undefined) response.flushHeaders();
    },
    onResponseData(controller, chunk) {
      if (response.writableEnded || response.write(chunk)) return;
      controller.pause();
      // Unreferenced and harmless once the caller is gone: no listener a pause has to be taken away.
      const unread = setTimeout(() => response.destroy(), unreadMaxMs).unref();
      response.once('drain', () => {
        clearTimeout(unread);
        controller.resume();
      });
    },
    onResponseEnd() {
      exchanges.ended(exchange);
      response.end();
    },
    onResponseError(_controller, error) {
      exchanges.failed(exchange, error);
    },
  };
}
