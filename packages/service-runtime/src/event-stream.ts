import type { ServerResponse } from 'node:http';
import type { ServerEvent } from './route.ts';

/** Why a stream ended; the last two leave the caller a broken connection, the others a whole answer. */
export type StreamEnd = 'complete' | 'expired' | 'stopping' | 'gone' | 'failed';

export interface EventStreamOptions {
  readonly response: ServerResponse;
  readonly event: string;
  readonly events: AsyncIterable<ServerEvent<unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970: the end of the caller's token. */
  readonly expiresAt: number;
  /** Aborted when the process stops. */
  readonly closing: AbortSignal | undefined;
  readonly heartbeatMs: number;
  /** Throws for an event that breaks the declared schema; only when answers are checked. */
  readonly check: ((data: unknown) => void) | undefined;
}

/** The largest time that setTimeout takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Writes server-sent events until they end, the caller is gone, its token expires or the process stops. The headers
 * leave at once. Of a caller who does not read at most 16 KB wait here: then no event is asked for, and no heartbeat is
 * sent, until they are taken.
 * @returns why it ended, and what went wrong when it failed; never rejects
 */
export async function sendEvents(options: EventStreamOptions): Promise<{ end: StreamEnd; error?: unknown }> {
  const { response, event, headers, check } = options;
  if (response.destroyed) return { end: 'gone' };
  response.writeHead(200, {
    ...headers,
    'Content-Type': 'text/event-stream',
    // A proxy that compresses or stores an answer would hold events back.
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n');
  }, options.heartbeatMs);
  const ended = endOf(options);
  const iterator = options.events[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), ended.reached]);
      if (typeof next === 'string') return { end: finish(response, next) };
      if (next.done) return { end: finish(response, 'complete') };
      check?.(next.value.data);
      const { id, data } = next.value;
      if (response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) continue;
      const end = await Promise.race([drained(response), ended.reached]);
      if (end !== null) return { end: finish(response, end) };
    }
  } catch (error) {
    response.destroy();
    return { end: 'failed', error };
  } finally {
    clearInterval(heartbeat);
    ended.forget();
    // Not awaited: a generator that waits for its next event returns only after it.
    iterator.return?.().catch(() => undefined);
  }
}

function finish(response: ServerResponse, end: StreamEnd): StreamEnd {
  // Who has not taken what was sent would hold the end up for ever.
  if (response.writableNeedDrain) response.destroy();
  else response.end();
  return end;
}

function drained(response: ServerResponse): Promise<null> {
  return new Promise((resolve) => response.once('drain', () => resolve(null)));
}

/** The first of what ends a stream from outside. */
function endOf(options: EventStreamOptions): { reached: Promise<StreamEnd>; forget(): void } {
  const { response, closing, expiresAt } = options;
  let forget: () => void = () => undefined;
  const reached = new Promise<StreamEnd>((resolve) => {
    const gone = () => resolve('gone');
    const stopping = () => resolve('stopping');
    const expiry = setTimeout(() => resolve('expired'), Math.min(expiresAt - Date.now(), TIMER_MAX_MS));
    response.once('close', gone);
    closing?.addEventListener('abort', stopping, { once: true });
    if (closing?.aborted) stopping();
    forget = () => {
      clearTimeout(expiry);
      response.removeListener('close', gone);
      closing?.removeEventListener('abort', stopping);
    };
  });
  return { reached, forget: () => forget() };
}
