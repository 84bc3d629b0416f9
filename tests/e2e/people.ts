import type { Coupon, Order, OrderRequest, Product } from '@orderflow/client/api-types';
import { callerOf, type Caller } from '@orderflow/local/demo/caller';
import type { RunningStack } from '@orderflow/testing/running-stack';

export function adminOf(stack: RunningStack): Caller {
  return callerOf(stack.current().gateway, 1, ['admin']);
}

/** A new user with this much money, none by default. */
export async function newUser(stack: RunningStack, amount?: string): Promise<Caller> {
  const { id } = await adminOf(stack).post('/v1/users', { body: { name: 'Ada' }, resend: true });
  const user = callerOf(stack.current().gateway, id);
  if (amount !== undefined) await user.topUp(amount);
  return user;
}

export function newProduct(stack: RunningStack, price = '10.00', quantity = 1000): Promise<Product> {
  const body = { name: 'Tea', description: '', price, quantity };
  return adminOf(stack).post('/v1/products', { body, resend: true });
}

/** A coupon for the user, from a source of its own. */
export async function newCoupon(stack: RunningStack, user: Caller, discountAmount = '3.00'): Promise<Coupon> {
  const body = { name: 'Welcome', discountAmount, quantity: 1 };
  const { id } = await adminOf(stack).post('/v1/coupon-sources', { body, resend: true });
  return user.issueCoupon(id);
}

export function buy(product: Product, quantity = 1): OrderRequest {
  return { items: [{ productId: product.id, quantity }] };
}

export function place(user: Caller, request: OrderRequest): Promise<Order> {
  return user.placeOrder(request);
}

/** The order once it is PAID or CANCELLED. */
export function ending(user: Caller, { id }: Pick<Order, 'id'>, timeoutMs = 60_000): Promise<Order> {
  return user.untilFinal(id, { signal: AbortSignal.timeout(timeoutMs) });
}

/** The types of the order's timeline, oldest first. */
export async function timeline(user: Caller, { id }: Pick<Order, 'id'>): Promise<string[]> {
  const { data } = await user.get('/v1/orders/{id}/events', { params: { path: { id } } });
  return data.map(({ type }) => type);
}

export async function balanceOf(user: Caller): Promise<string> {
  return (await user.get('/v1/balance')).amount;
}

export async function stockOf(user: Caller, { id }: Product): Promise<number> {
  return (await user.get('/v1/products/{id}', { params: { path: { id } } })).stock;
}

export async function couponStatus(user: Caller, { id }: Coupon): Promise<string | undefined> {
  const { data } = await user.get('/v1/coupons');
  return data.find((coupon) => coupon.id === id)?.status;
}

export async function paymentsOf(user: Caller, { id }: Pick<Order, 'id'>): Promise<string[]> {
  const { data } = await user.get('/v1/payments', { params: { query: { orderId: id } } });
  return data.map(({ amount }) => amount).sort();
}

/** An answer as it came, whatever its status. */
interface Answer<Data> {
  readonly status: number;
  readonly headers: Headers;
  /** A problem where the status says so: what a test expects of it shows its shape. */
  readonly body: Data;
}

async function answer<Data>(
  sent: Promise<{ readonly data?: Data; readonly error?: unknown; readonly response: Response }>,
): Promise<Answer<Data>> {
  const { data, error, response } = await sent;
  return { status: response.status, headers: response.headers, body: (data ?? error) as Data };
}

/** Places an order under this key; any status comes back as it is. */
export function placeUnder(user: Caller, key: string, request: OrderRequest): Promise<Answer<Order>> {
  const body = { ...request, items: [...request.items] };
  return answer(user.http.POST('/v1/orders', { params: { header: { 'Idempotency-Key': key } }, body }));
}

/** Asks for a cancel or refund; any status comes back as it is. */
export function cancel(user: Caller, { id }: Pick<Order, 'id'>): Promise<Answer<Order>> {
  return answer(user.http.POST('/v1/orders/{id}/cancel', { params: { path: { id } } }));
}
