import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';

/** An answer as it came. */
export interface BareAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface BareRequest {
  readonly method: string;
  /** Sent as it is, dot segments and all. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | null;
}

const ANSWER_LIMIT_MS = 20_000;

/** Requests that no proper client would send, over kept connections. */
export class BareClient {
  readonly #agent: Agent;

  constructor(connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws the connection's error when no answer comes */
  send(door: string, { method, path, headers, body }: BareRequest): Promise<BareAnswer> {
    const { hostname, port } = new URL(door);
    const length = body === null ? {} : { 'content-length': String(body.length) };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        {
          agent: this.#agent,
          hostname,
          port,
          method,
          path,
          headers: { ...(headers as Record<string, string | string[]>), ...length },
          timeout: ANSWER_LIMIT_MS,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(entries) as Record<string, string>,
              body: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', reject);
      sent.end(body ?? undefined);
    });
  }
}

/**
 * Sends bytes as they are and reads all answers until the other side closes, or until the first one is whole.
 * @param end closes this side behind the bytes
 * @returns no answers for a connection that was closed without one
 */
export function sendBytes(door: string, bytes: Buffer, end: boolean): Promise<BareAnswer[]> {
  const { hostname, port } = new URL(door);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname);
    const done = () => {
      socket.destroy();
      resolve(parseAnswers(text));
    };
    socket.setTimeout(ANSWER_LIMIT_MS, () => {
      if (parseAnswers(text).length > 0) done();
      else reject(new Error(`neither answered nor closed: ${text.slice(0, 200)}`));
      socket.destroy();
    });
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk);
      // A second answer, to what is taken for a second request, comes at once.
      if (parseAnswers(text).length > 0) socket.setTimeout(SECOND_ANSWER_MS);
    });
    socket.on('close', done);
    // What could not be written any more was refused before.
    socket.on('error', () => undefined);
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

const SECOND_ANSWER_MS = 50;

/** The whole answers of a connection, one after the other. */
function parseAnswers(text: string): BareAnswer[] {
  const answers: BareAnswer[] = [];
  for (let rest = text; rest.startsWith('HTTP/');) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) break;
    const [line = '', ...lines] = rest.slice(0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((header) => {
        const colon = header.indexOf(':');
        return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
      }),
    ) as Record<string, string>;
    const length = Number(headers['content-length'] ?? 0);
    const end = headEnd + 4 + length;
    if (rest.length < end) break;
    const body = Buffer.from(rest.slice(headEnd + 4, end), 'latin1').toString('utf8');
    answers.push({ status: Number(line.split(' ')[1]), headers, body });
    rest = rest.slice(end);
  }
  return answers;
}
