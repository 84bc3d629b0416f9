import { callerOf, type Caller } from '@orderflow/local/demo/caller';
import { inParallel } from '@orderflow/local/demo/parallel';
import type { Seeded } from '../seeded.ts';

/** What orders of a chaos run are about. */
export interface ChaosShop {
  readonly gateway: string;
  readonly admin: Caller;
  /** Plenty of each. */
  readonly products: readonly Product[];
  /** Few of each: the last piece goes again and again, since cancelled orders give theirs back. */
  readonly scarce: readonly Product[];
  /** Off sale. */
  readonly suspended: Product;
  readonly customers: readonly Customer[];
}

interface Product {
  readonly id: number;
}

/** A user who orders. */
export interface Customer {
  readonly api: Caller;
  /** Coupons that were issued to it; some of them used by now. */
  readonly coupons: number[];
  /** Its newest orders. */
  readonly orders: number[];
}

const CUSTOMERS = 60;
const AT_ONCE = 16;
const PLENTY = 1_000_000;
const FEW = 40;

async function createProducts(
  admin: Caller,
  count: number,
  price: string,
  quantity: number,
): Promise<Product[]> {
  const names = Array.from({ length: count }, (_, index) => `Cup ${index + 1}`);
  return inParallel(AT_ONCE, names, (name) =>
    admin.post('/v1/products', { body: { name, description: 'Porcelain', price, quantity }, resend: true }),
  );
}

/** Opens a shop and its customers' accounts; nobody has money yet: topping up is part of the load. */
export async function openChaosShop(gateway: string): Promise<ChaosShop> {
  const admin = callerOf(gateway, 1, ['admin']);
  const [products, scarce, [suspended]] = await Promise.all([
    createProducts(admin, 12, '8.50', PLENTY),
    createProducts(admin, 4, '3.20', FEW),
    createProducts(admin, 1, '5.00', PLENTY),
  ]);
  if (!suspended) throw new Error('the shop has no products');
  await admin.patch('/v1/products/{id}', {
    params: { path: { id: suspended.id } },
    body: { status: 'SUSPENDED' },
    resend: true,
  });
  const names = Array.from({ length: CUSTOMERS }, (_, index) => `Customer ${index + 1}`);
  const customers = await inParallel(AT_ONCE, names, async (name): Promise<Customer> => {
    const { id } = await admin.post('/v1/users', { body: { name }, resend: true });
    return { api: callerOf(gateway, id), coupons: [], orders: [] };
  });
  return { gateway, admin, products, scarce, suspended, customers };
}

const COUPONS_A_SOURCE = 40;

/** A new source of coupons for the first of the customers. @returns its id */
export async function openCouponSource({ admin }: ChaosShop): Promise<number> {
  const body = { name: 'Welcome', discountAmount: '2.00', quantity: COUPONS_A_SOURCE };
  const { id } = await admin.post('/v1/coupon-sources', { body, resend: true });
  return id;
}

/** An order's items: mostly what there is plenty of, sometimes the last pieces, sometimes what nobody can buy. */
export function chooseItems(shop: ChaosShop, random: Seeded): Array<{ productId: number; quantity: number }> {
  const dice = random.fraction();
  const item = ({ id }: Product, quantity = 1) => ({ productId: id, quantity });
  if (dice < 0.15) return [item(random.pick(shop.scarce), random.between(1, 3))];
  if (dice < 0.18) return [item(shop.suspended)];
  if (dice < 0.2) return [item({ id: Number.MAX_SAFE_INTEGER })];
  // Three lines of three pieces cost more than PAYMENT_LIMIT.
  const first = random.between(0, shop.products.length - 1);
  const lines = random.between(1, 3);
  return Array.from({ length: lines }, (_, index) => {
    const product = shop.products[(first + index) % shop.products.length];
    if (!product) throw new Error('the shop has no products');
    return item(product, random.between(1, 3));
  });
}
