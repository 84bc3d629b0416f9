import type { IncomingMessage } from 'node:http';

/**
 * Headers of one connection (RFC 9110 7.6.1), and those that are made anew for the next: the host, and the framing,
 * since the body has been read whole.
 */
const notForwarded = new Set([
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'host',
  'transfer-encoding',
  'content-length',
]);

/** What only a proxy in front could truthfully say. Nothing behind the gateway reads these. */
const claimed = /^(x-user-|x-forwarded-|x-real-ip$|x-original-|x-rewrite-|forwarded$)/;

/** Removes from a request, whose body has been read, what a service must not be told. Changes `request.headers`. */
export function cleanHeaders({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const ofConnection = headers.connection?.toLowerCase() ?? '';
  if (ofConnection !== '' && ofConnection !== 'keep-alive' && ofConnection !== 'close') {
    for (const named of ofConnection.split(',')) Reflect.deleteProperty(headers, named.trim());
  }
  for (const name in headers) {
    if (notForwarded.has(name) || claimed.test(name)) Reflect.deleteProperty(headers, name);
  }
}
