import type { Order } from './api-types.ts';
import { ApiProblem, isApiProblem, Unreachable } from './errors.ts';
import { backOffMs, pause, retryAfterSeconds } from './pacing.ts';
import { isPassing, type RequestSender } from './request-sender.ts';
import { createEventParser, type ServerEvent } from './server-events.ts';

export interface WatchOptions {
  /** The `eventId` of the last update that a former watch gave: the order as it was then is left out. */
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The order after a change. */
export interface OrderUpdate {
  /** For `lastEventId` of a later watch. */
  readonly eventId: string;
  readonly order: Order;
}

/** The server sends a comment every 15 s; a stream that is silent for three of them is dead. */
const SILENCE_MS = 45_000;

/** True for the two ends of an order. */
export function isFinal({ status }: Pick<Order, 'status'>): boolean {
  return status === 'PAID' || status === 'CANCELLED';
}

/** One try at the stream. */
interface Connection {
  readonly response: Response;
  readonly token: string | null;
  /** @throws when the connection is lost, or silent for too long */
  events(): AsyncGenerator<ServerEvent, void, void>;
  /** The wait before the next try that the server asked for. */
  retryMs(): number;
  close(): void;
}

async function connect(
  sender: RequestSender,
  url: string,
  { lastEventId, signal }: WatchOptions,
): Promise<Connection> {
  const headers = new Headers({ accept: 'text/event-stream' });
  const token = await sender.token();
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  if (lastEventId !== undefined) headers.set('last-event-id', lastEventId);
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  const silent = () => controller.abort(new Error(`nothing came for ${SILENCE_MS} ms`));
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop, { once: true });
  let timer = setTimeout(silent, SILENCE_MS);
  const close = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    controller.abort();
  };
  const parser = createEventParser();
  try {
    const response = await sender.fetch(url, { headers, signal: controller.signal });
    const body: ReadableStream<Uint8Array> | null = response.body;
    return {
      response,
      token,
      async *events() {
        const reader = body?.getReader();
        for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
          clearTimeout(timer);
          timer = setTimeout(silent, SILENCE_MS);
          yield* parser.push(read.value);
        }
      },
      retryMs: () => Math.max(parser.reconnectMs() ?? 0, (retryAfterSeconds(response.headers) ?? 0) * 1000),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The problem that an answer other than a stream means. */
async function refusal(request: string, response: Response): Promise<ApiProblem> {
  const text = await response.text();
  try {
    return new ApiProblem(request, response, JSON.parse(text));
  } catch {
    return new ApiProblem(request, response, text);
  }
}

/**
 * Follows an order to its end: the order as it is, then as it becomes; states in between may be missing, none comes
 * twice or goes back. Ends after PAID or CANCELLED. Lost connections, restarts of the server and the token's end are
 * bridged: it connects again with a token asked for anew and the last event's id.
 *
 * @throws ApiProblem when the stream is refused, for instance ORDER_NOT_FOUND
 * @throws Unreachable when a lost stream was not to be had again within the sender's `limitMs`
 * @throws the reason of `signal` once that is aborted
 */
export async function* watchOrder(
  sender: RequestSender,
  baseUrl: string,
  id: number,
  { lastEventId: given, signal }: WatchOptions = {},
): AsyncGenerator<OrderUpdate, void, void> {
  const request = `GET /v1/orders/${id}/stream`;
  let lastEventId = given;
  let lostAt = performance.now();
  for (let tries = 0; ; tries += 1) {
    let failure: unknown;
    let connection: Connection | null = null;
    try {
      connection = await connect(sender, `${baseUrl}/v1/orders/${id}/stream`, { lastEventId, signal });
      if (connection.response.status === 204) return;
      if (!connection.response.ok) throw await refusal(request, connection.response);
      for await (const { id: eventId, event, data } of connection.events()) {
        if (event !== 'status') continue;
        const order = JSON.parse(data) as Order;
        lastEventId = eventId;
        tries = 0;
        yield { eventId, order };
        if (isFinal(order)) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    } finally {
      connection?.close();
    }
    if (isApiProblem(failure) && !(await mayPass(failure, connection, sender))) throw failure;
    if (connection?.response.ok) lostAt = performance.now();
    const waitMs = backOffMs(tries, connection?.retryMs());
    if (performance.now() - lostAt + waitMs > sender.limitMs) {
      throw isApiProblem(failure) ? failure : new Unreachable(request, tries + 1, true, failure);
    }
    await pause(waitMs, signal);
  }
}

/** 429 and a backend away pass; a token that has ended does when its source has another one by now. */
async function mayPass(
  { status }: ApiProblem,
  connection: Connection | null,
  sender: RequestSender,
): Promise<boolean> {
  return isPassing(status) || (status === 401 && (await sender.token()) !== connection?.token);
}
