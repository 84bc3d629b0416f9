import type { ShopSize } from './arm.ts';

/** Tokens take a millisecond each to sign, and a service remembers 10,000. */
export const USERS = 2_000;
export const PRODUCTS = 1_000;

/** Stock and coupons that no run uses up. */
export const SHOP: ShopSize = { users: USERS, products: PRODUCTS, stock: 1_000_000, coupons: 100_000 };
