import { createRequests, type ApiRequests, type Call } from './api-requests.ts';
import type { Coupon, Order, OrderRequest, TopUp } from './api-types.ts';
import { isApiProblem, OrderRefused } from './errors.ts';
import { isFinal, watchOrder, type OrderUpdate, type WatchOptions } from './order-watch.ts';
import { createSender, type SenderOptions } from './request-sender.ts';

export interface ClientOptions extends SenderOptions {
  /** Where the gateway is, for instance `https://api.example.com`. */
  readonly baseUrl: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  /**
   * 1–255 visible ASCII characters; a new one is made when none is given. Keep one of your own when the write must stay
   * one through a restart of your program: the same key and request give the same effect and answer for seven days.
   */
  readonly idempotencyKey?: string;
}

export interface PlaceOptions extends WriteOptions {
  /** Wait on the server until the order is over, in whole seconds, at most 10; not at all by default. */
  readonly waitSeconds?: number;
}

/** The API as one caller sees it. */
export interface OrderflowClient extends ApiRequests {
  /**
   * Places an order. Sent again as often as needed under one Idempotency-Key, so there is one order.
   *
   * @returns the order: with `waitSeconds` PAID, or under way when the time was too short; without, CREATED
   * @throws OrderRefused when it ended CANCELLED within `waitSeconds`
   */
  placeOrder(request: OrderRequest, options?: PlaceOptions): Promise<Order>;
  /** The order as it is. */
  getOrder(id: number, options?: CallOptions): Promise<Order>;
  /** Follows an order to PAID or CANCELLED, through lost connections and restarts of the server. */
  watchOrder(id: number, options?: WatchOptions): AsyncGenerator<OrderUpdate, void, void>;
  /** The order once it is PAID or CANCELLED. */
  untilFinal(id: number, options?: CallOptions): Promise<Order>;
  /** The order once it is PAID. @throws OrderRefused when it is CANCELLED instead */
  untilPaid(id: number, options?: CallOptions): Promise<Order>;
  /** Cancels an order, or refunds a paid one. Asking again changes nothing. @returns it CANCELLING or CANCELLED */
  cancelOrder(id: number, options?: CallOptions): Promise<Order>;
  /** @param amount a decimal with at most two places, as `"25.00"` */
  topUp(amount: string, options?: WriteOptions): Promise<TopUp>;
  /**
   * First come, first served: one coupon of the source for the caller. When an answer got lost on the way the coupon
   * that was issued is found again.
   *
   * @throws ApiProblem SOLD_OUT, ALREADY_ISSUED (`body.couponId` names the coupon)
   */
  issueCoupon(sourceId: number, options?: CallOptions): Promise<Coupon>;
}

/** The server may take this much longer than it was asked to wait. */
const WAIT_SPARE_MS = 5000;
const SHORTEST_WAIT_ATTEMPT_MS = 15_000;

/** 128 random bits. `crypto.randomUUID` is missing on pages without https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function paid(order: Order): Order {
  if (order.status === 'CANCELLED') throw new OrderRefused(order);
  return order;
}

async function place(call: Call, request: OrderRequest, options: PlaceOptions): Promise<Order> {
  const { idempotencyKey = newKey(), waitSeconds, signal } = options;
  const prefer = waitSeconds === undefined ? {} : { Prefer: `wait=${waitSeconds}` };
  const header = { 'Idempotency-Key': idempotencyKey, ...prefer };
  const attemptMs =
    waitSeconds === undefined
      ? undefined
      : Math.max(SHORTEST_WAIT_ATTEMPT_MS, waitSeconds * 1000 + WAIT_SPARE_MS);
  const init = { params: { header }, body: request, signal };
  return paid((await call('post', '/v1/orders', init, { attemptMs })) as Order);
}

async function issue(
  requests: ApiRequests,
  call: Call,
  sourceId: number,
  signal?: AbortSignal,
): Promise<Coupon> {
  let unsure = false;
  try {
    const init = { params: { path: { id: sourceId } }, signal };
    const send = { resend: true, onUnsure: () => (unsure = true) };
    return (await call('post', '/v1/coupon-sources/{id}/coupons', init, send)) as Coupon;
  } catch (error) {
    if (!unsure || !isApiProblem(error) || error.code !== 'ALREADY_ISSUED') throw error;
    for await (const coupon of requests.listAll('/v1/coupons')) {
      if (coupon.id === error.body['couponId']) return coupon;
    }
    throw error;
  }
}

async function untilFinal(
  client: Pick<OrderflowClient, 'getOrder' | 'watchOrder'>,
  id: number,
  options: CallOptions,
): Promise<Order> {
  for await (const { order } of client.watchOrder(id, options)) if (isFinal(order)) return order;
  // The server said that there is nothing more to come.
  return client.getOrder(id, options);
}

/** Makes a client. Nothing is sent yet. */
export function createClient({ baseUrl, ...options }: ClientOptions): OrderflowClient {
  const base = baseUrl.replace(/\/+$/, '');
  const sender = createSender(options);
  const { requests, call } = createRequests(base, sender);
  const byId = (id: number, { signal }: CallOptions) => ({ params: { path: { id } }, signal });
  const following = {
    getOrder: async (id: number, options: CallOptions = {}) =>
      (await call('get', '/v1/orders/{id}', byId(id, options))) as Order,
    watchOrder: (id: number, options: WatchOptions = {}) => watchOrder(sender, base, id, options),
  };
  return {
    ...requests,
    ...following,
    placeOrder: (request, options = {}) => place(call, request, options),
    untilFinal: (id, options = {}) => untilFinal(following, id, options),
    untilPaid: async (id, options = {}) => paid(await untilFinal(following, id, options)),
    cancelOrder: async (id, options = {}) =>
      (await call('post', '/v1/orders/{id}/cancel', byId(id, options), { resend: true })) as Order,
    topUp: async (amount, { idempotencyKey = newKey(), signal } = {}) => {
      const init = { params: { header: { 'Idempotency-Key': idempotencyKey } }, body: { amount }, signal };
      return (await call('post', '/v1/balance/top-ups', init)) as TopUp;
    },
    issueCoupon: (sourceId, { signal } = {}) => issue(requests, call, sourceId, signal),
  };
}
