import { connect, type Socket } from 'node:net';

/** What a connection tells its owner; each request ends with one of the two. */
export interface ConnectionEvents {
  /** `orderId` is 0 when the answer names none. */
  answered(connection: Connection, status: number, orderId: number): void;
  /** It is of no use any more: refused, cut, or its answer cannot be read. */
  broken(connection: Connection): void;
}

/** Answers are read in the thread's turn that received them: one buffer serves all connections. */
const READ_BUFFER = Buffer.allocUnsafe(65_536);

/**
 * An HTTP/1.1 connection that is kept alive and carries one request at a time. It reads of an answer the status, the
 * length and the order's id, and nothing else: the generator shares the cores with what it measures.
 */
export class Connection {
  /** Scheduled time of the request under way, or when it became idle; the owner's clock and the owner's to set. */
  since = 0;
  /** Number of the request under way. */
  request = -1;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  #received = '';
  #closed = false;

  constructor(url: URL, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes) => {
          this.#read(READ_BUFFER.toString('latin1', 0, bytes));
          return true;
        },
      },
    });
    this.#socket.on('error', () => this.#break());
    this.#socket.on('close', () => this.#break());
  }

  /** Sends a whole request, ASCII only; before the connection stands it is kept until then. */
  send(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** Ends it without a word to its owner. */
  drop(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #break(): void {
    if (this.#closed) return;
    this.drop();
    this.#events.broken(this);
  }

  #read(text: string): void {
    const received = this.#received + text;
    const end = endOf(received);
    if (end === null || received.length < end) {
      this.#received = received;
      return;
    }
    this.#received = '';
    if (received.length > end) {
      this.#break();
      return;
    }
    this.#events.answered(this, Number(received.slice(9, 12)), orderIdIn(received));
  }
}

/** Bytes of an answer, head and body; null before its head is complete, 0 when it does not tell its length. */
function endOf(received: string): number | null {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const length = /\r\nContent-Length: (\d+)/i.exec(received)?.[1];
  return length === undefined ? 0 : headEnd + 4 + Number(length);
}

/** The order's id stands in `Location`, or is the first id of a JSON body (Postgres puts a space before the colon). */
function orderIdIn(answer: string): number {
  const found = /\r\nLocation: \/v1\/orders\/(\d+)/i.exec(answer) ?? /"id" ?: ?(\d+)/.exec(answer);
  return Number(found?.[1] ?? 0);
}
