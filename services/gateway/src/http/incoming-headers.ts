import type { IncomingMessage } from 'node:http';

/** Headers of one connection (RFC 9110 7.6.1), which must not travel on. Framing is left to Node. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];

/** What only a proxy in front could truthfully say. Nothing behind the gateway reads these. */
const claimed = /^(x-user-|x-forwarded-|x-real-ip$|x-original-|x-rewrite-|forwarded$)/;

/** Needed by the way on itself; a Connection header that names them would cut a request apart. */
const framing = new Set(['content-length', 'transfer-encoding', 'host', 'content-type']);

/** Removes from a request what a caller must not tell a service. Changes `request.headers`. */
export function cleanHeaders(request: IncomingMessage): void {
  const { headers } = request;
  for (const named of (headers.connection ?? '').split(',')) {
    const name = named.trim().toLowerCase();
    if (name !== '' && !framing.has(name)) dropHeader(headers, name);
  }
  for (const name of hopByHop) if (name in headers) dropHeader(headers, name);
  for (const name in headers) if (claimed.test(name)) dropHeader(headers, name);
}

function dropHeader(headers: IncomingMessage['headers'], name: string): void {
  Reflect.deleteProperty(headers, name);
}
