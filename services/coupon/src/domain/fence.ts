/**
 * The row this service keeps per order in `coupon_applications`. Only what is `done` holds something:
 * the coupon it used, or none when the order named none.
 */
export type Fence =
  | { readonly status: 'done'; readonly attempt: number; readonly couponId: number | null }
  | { readonly status: 'rejected' | 'undone'; readonly attempt: number };

/** Fences by order id. The order of no row in here has not been seen. */
export type Fences = Map<number, Fence>;
