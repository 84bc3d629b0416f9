import {
  createApiClient,
  type ApiClient,
  type Coupon,
  type Order,
  type OrderRequest,
  type Page,
  type Product,
  type TimelineEntry,
} from '@orderflow/local/demo/api';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { RunningStack } from './running-stack.ts';

export function adminOf(stack: RunningStack): ApiClient {
  return createApiClient(stack.current().gateway, 1, ['admin']);
}

/** A new user with this much money, none by default. */
export async function newUser(stack: RunningStack, amount?: string): Promise<ApiClient> {
  const { id } = await adminOf(stack).post<{ id: number }>('/v1/users', { name: 'Ada' });
  const user = createApiClient(stack.current().gateway, id);
  if (amount !== undefined) await user.post('/v1/balance/top-ups', { amount });
  return user;
}

export function newProduct(stack: RunningStack, price = '10.00', quantity = 1000): Promise<Product> {
  return adminOf(stack).post<Product>('/v1/products', { name: 'Tea', description: '', price, quantity });
}

/** A coupon for the user, from a source of its own. */
export async function newCoupon(
  stack: RunningStack,
  user: ApiClient,
  discountAmount = '3.00',
): Promise<Coupon> {
  const source = await adminOf(stack).post<{ id: number }>('/v1/coupon-sources', {
    name: 'Welcome',
    discountAmount,
    quantity: 1,
  });
  return user.post<Coupon>(`/v1/coupon-sources/${source.id}/coupons`);
}

export function buy(product: Product, quantity = 1): OrderRequest {
  return { items: [{ productId: product.id, quantity }] };
}

export function place(user: ApiClient, request: OrderRequest): Promise<Order> {
  return user.post<Order>('/v1/orders', request);
}

/** The order once it is PAID or CANCELLED. */
export function ending(user: ApiClient, { id }: Pick<Order, 'id'>, timeoutMs = 60_000): Promise<Order> {
  const over = async () => {
    const order = await user.get<Order>(`/v1/orders/${id}`);
    return order.status === 'PAID' || order.status === 'CANCELLED' ? order : null;
  };
  return waitUntil(over, { what: `the end of order ${id}`, timeoutMs, intervalMs: 50 });
}

/** The types of the order's timeline, oldest first. */
export async function timeline(user: ApiClient, { id }: Pick<Order, 'id'>): Promise<string[]> {
  const { data } = await user.get<Page<TimelineEntry>>(`/v1/orders/${id}/events`);
  return data.map(({ type }) => type);
}

export async function balanceOf(user: ApiClient): Promise<string> {
  return (await user.get<{ amount: string }>('/v1/balance')).amount;
}

export async function stockOf(user: ApiClient, { id }: Product): Promise<number> {
  return (await user.get<Product>(`/v1/products/${id}`)).stock;
}

export async function couponStatus(user: ApiClient, { id }: Coupon): Promise<string | undefined> {
  const { data } = await user.get<Page<Coupon>>('/v1/coupons');
  return data.find((coupon) => coupon.id === id)?.status;
}

export async function paymentsOf(user: ApiClient, { id }: Pick<Order, 'id'>): Promise<string[]> {
  const { data } = await user.get<Page<{ amount: string }>>(`/v1/payments?orderId=${id}`);
  return data.map(({ amount }) => amount).sort();
}
