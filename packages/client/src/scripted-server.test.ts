import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers one request; it may also answer by half, or cut the connection. */
export type Scene = (response: ServerResponse, request: SeenRequest) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/** Waits until `holds` gives true; jest's own time-out ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** An address where nobody listens: a server that had it is closed. */
export async function deserted(): Promise<string> {
  const { url, close } = await playScenes();
  await close();
  return url;
}

/** A server that plays one scene a request; the last one for all that come after it. */
export async function playScenes(...scenes: readonly Scene[]): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const scene = scenes[Math.min(seen.length, scenes.length - 1)];
      const entry = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(entry);
      scene?.(response, entry);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export const answer =
  (status: number, body: unknown = {}, headers: Readonly<Record<string, string>> = {}): Scene =>
  (response) => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
  };

export const problem = (
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  more: object = {},
): Scene =>
  answer(
    status,
    { type: 'urn:x', title: 'x', status, code, detail: 'why', requestId: 'r-1', ...more },
    headers,
  );

/** The request has come, and no answer goes. */
export const cutOff: Scene = (response) => void response.destroy();

/** The answer breaks off in its body. */
export const cutInBody: Scene = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
  response.write('{"id":');
  setImmediate(() => response.destroy());
};

export const hang: Scene = () => undefined;
