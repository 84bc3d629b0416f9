import { describe, expect, it } from '@jest/globals';
import { orderRequests } from './order-requests.ts';

const authorizations = ['Bearer a', 'Bearer b', 'Bearer c'];
const texts = { authorizations, products: 1_000, firstCoupon: 0, run: 'r1' };
const bodyOf = (request: string) => JSON.parse(request.split('\r\n\r\n')[1] as string) as unknown;

describe('orderRequests', () => {
  it('writes a whole request whose length is right', () => {
    const request = orderRequests(texts)(1);
    const [head, body] = request.split('\r\n\r\n') as [string, string];
    expect(head.split('\r\n')).toEqual([
      'POST /v1/orders HTTP/1.1',
      'Host: bench',
      'Content-Type: application/json',
      'Authorization: Bearer b',
      'Idempotency-Key: r1-1',
      `Content-Length: ${body.length}`,
    ]);
    expect(bodyOf(request)).toEqual({ items: [{ productId: 920, quantity: 1 }] });
  });

  it('asks for every product equally often', () => {
    const request = orderRequests(texts);
    const products = Array.from({ length: 1_000 }, (_, index) => bodyOf(request(index)));
    expect(new Set(products.map((body) => JSON.stringify(body))).size).toBe(1_000);
  });

  it('spends the next coupon with every fourth order, as the user it belongs to', () => {
    const request = orderRequests({ ...texts, firstCoupon: 7 });
    const coupons = Array.from({ length: 8 }, (_, index) => request(index)).map((text) => ({
      coupon: (bodyOf(text) as { couponId?: number }).couponId ?? null,
      user: /Bearer (\w)/.exec(text)?.[1],
    }));
    expect(coupons.map(({ coupon }) => coupon)).toEqual([null, null, null, 7, null, null, null, 8]);
    // Coupon 7 is user 1's, coupon 8 user 2's.
    expect([coupons[3]?.user, coupons[7]?.user]).toEqual(['a', 'b']);
  });
});
