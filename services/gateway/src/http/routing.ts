export type ServiceName = 'order' | 'payment' | 'product' | 'coupon' | 'user-balance';

/** Which service answers below which path. A prefix matches whole segments. */
const prefixes: Readonly<Record<string, ServiceName>> = {
  users: 'user-balance',
  balance: 'user-balance',
  products: 'product',
  'coupon-sources': 'coupon',
  coupons: 'coupon',
  orders: 'order',
  payments: 'payment',
};

const versioned = /^\/v1\/([a-z-]+)(?=[/?]|$)/;

/** What operators ask of orders; the rest of /v1/ops is the gateway's own, since it asks several services. */
const ordersOfOperators = /^\/v1\/ops\/(saga|orders)(?=[/?]|$)/;

/** The service a request target belongs to, or null. */
export function serviceFor(target: string): ServiceName | null {
  if (ordersOfOperators.test(target)) return 'order';
  const prefix = versioned.exec(target)?.[1];
  return prefix !== undefined && Object.hasOwn(prefixes, prefix) ? (prefixes[prefix] ?? null) : null;
}

/** What anyone may read: products one by one or listed (not their sales), and what coupon sources have left. */
const publicReads = /^\/v1\/(products(\/[^/?]+)?|coupon-sources)(\?|$)/;

/** What routes know; of the others the service says 405, or 404, without asking who calls. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH']);

/**
 * True when a request can be answered without a token. On a path that anyone may read the service says which methods
 * need one and which there are not; everywhere it decides again for itself.
 */
export function isPublic(method: string, target: string): boolean {
  return !methods.has(method) || publicReads.test(target);
}

const streams = /^\/v1\/orders\/[^/?]+\/stream(\?|$)/;

/** True for a request whose answer goes on for minutes: server-sent events. */
export function isStream(method: string, target: string): boolean {
  return method === 'GET' && streams.test(target);
}
