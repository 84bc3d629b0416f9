import { z } from 'zod';
import { jsonId } from '@orderflow/service-runtime/fields';
import { fingerprint } from '@orderflow/service-runtime/idempotency';
import { HttpRefusal, type Answer, type Route } from './front.ts';

/** What a client asks for, checked at the door. */
export interface OrderRequest {
  readonly userId: number;
  readonly couponId: number | null;
  /** By product id, each product once: orders that share products take them in one order. */
  readonly items: readonly { readonly productId: number; readonly quantity: number }[];
  readonly idempotencyKey: string;
  /** Of the body: a key belongs to one request. */
  readonly fingerprint: string;
}

export const ORDERS_ROUTE = 'POST /v1/orders';

const bodySchema = z.strictObject({
  items: z
    .array(z.strictObject({ productId: jsonId, quantity: z.int().min(1).max(1000) }))
    .min(1)
    .max(50)
    .refine((items) => new Set(items.map((item) => item.productId)).size === items.length, 'a product twice'),
  couponId: jsonId.optional(),
});

const keySchema = z.string().min(1).max(255);

/** POST /v1/orders with Orderflow's body and Idempotency-Key; answers with the order. */
export function ordersRoute(placeOrder: (request: OrderRequest) => Promise<Answer>): Route {
  return {
    path: '/v1/orders',
    answer(request, { userId }) {
      const key = keySchema.safeParse(request.headers['idempotency-key']);
      if (!key.success) throw new HttpRefusal(400, 'IDEMPOTENCY_KEY_REQUIRED');
      const body = bodySchema.parse(request.body);
      return placeOrder({
        userId,
        couponId: body.couponId ?? null,
        items: body.items.toSorted((a, b) => a.productId - b.productId),
        idempotencyKey: key.data,
        fingerprint: fingerprint(body),
      });
    },
  };
}
