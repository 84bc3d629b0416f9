/** Orders as `bench/lua/orders.lua` makes them: each request another user and product, a coupon with every fourth. */
export interface OrderTexts {
  /** Values of an Authorization header, user 1 first. */
  readonly authorizations: readonly string[];
  readonly products: number;
  /** First coupon to use, 0 for none; coupon c belongs to user (c − 1) % users + 1. */
  readonly firstCoupon: number;
  /** Part of each idempotency key. */
  readonly run: string;
}

/** Coupons that so many orders use. */
export function couponsOf(orders: number): number {
  return Math.floor(orders / 4);
}

/** Walks through products without a visible order, and each run alike: a prime above any number of products. */
const PRODUCT_STRIDE = 7_919;

/** The text of the n-th request; all but a few bytes of it was made before the first is sent. */
export function orderRequests({ authorizations, products, firstCoupon, run }: OrderTexts) {
  const heads = authorizations.map(
    (authorization) =>
      `POST /v1/orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: ${authorization}\r\nIdempotency-Key: ${run}-`,
  );
  return (index: number): string => {
    const product = ((index * PRODUCT_STRIDE) % products) + 1;
    const coupon = firstCoupon > 0 && index % 4 === 3 ? firstCoupon + couponsOf(index) : null;
    const user = coupon === null ? index : coupon - 1;
    const body = `{"items":[{"productId":${product},"quantity":1}]${coupon === null ? '' : `,"couponId":${coupon}`}}`;
    return `${heads[user % heads.length]}${index}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
}
