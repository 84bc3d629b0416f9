import type { Coupon, Product } from '@orderflow/client/api-types';
import { isApiProblem } from '@orderflow/client/errors';
import { formatAmount, parseAmount } from '@orderflow/shared-events/money';
import type { Stack } from '../stack-file.ts';
import { callerOf, type Caller } from './caller.ts';
import { inParallel } from './parallel.ts';
import type { DemoPlan } from './plan.ts';

/** Ids that no table reaches. */
export const UNKNOWN_ID = Number.MAX_SAFE_INTEGER;

/** A coupon in the hands of its owner. */
export interface OwnedCoupon {
  readonly owner: Caller;
  readonly coupon: Coupon;
}

/** The world of one demo run: everything in it is new, so that it runs on any data. */
export interface Shop {
  readonly products: readonly Product[];
  /** A product with few pieces left. */
  readonly scarce: Product;
  /** A product that was taken off sale. */
  readonly suspended: Product;
  /** One piece costs more than a payment may be. */
  readonly precious: Product;
  /** Users with money enough for all their orders. */
  readonly customers: readonly Caller[];
  /** A user whose balance is 1.00. */
  readonly poor: Caller;
  /** Users who can pay for a precious piece. */
  readonly rich: readonly Caller[];
  /** A caller whose token is good and whose user does not exist. */
  readonly stranger: Caller;
  readonly coupons: readonly OwnedCoupon[];
}

const GOODS = [
  ['Espresso cup', 'Porcelain, 80 ml', '8.50'],
  ['Moka pot', 'Aluminium, three cups', '32.00'],
  ['Hand grinder', 'Steel burrs', '89.90'],
  ['Coffee beans', 'Medium roast, 1 kg', '21.40'],
  ['Milk jug', 'Stainless steel, 350 ml', '18.00'],
  ['Paper filters', 'A hundred pieces', '3.20'],
] as const;

/** No order of the demo takes more than this of one product. */
export const MOST_OF_A_PRODUCT = 3;
const DISCOUNT = '5.00';
const AT_ONCE = 16;

interface Goods {
  readonly name: string;
  readonly description: string;
  readonly price: string;
  readonly quantity: number;
}

/** Sent again when its answer gets lost: a product too many does no harm here, nor do a user and a source. */
function createProduct(admin: Caller, body: Goods): Promise<Product> {
  return admin.post('/v1/products', { body, resend: true });
}

function createProducts(admin: Caller, orders: number): Promise<Product[]> {
  return inParallel(AT_ONCE, GOODS, ([name, description, price]) =>
    createProduct(admin, { name, description, price, quantity: orders * MOST_OF_A_PRODUCT }),
  );
}

async function createSuspended(admin: Caller): Promise<Product> {
  const product = { name: 'Recalled kettle', description: 'No longer sold', price: '25.00', quantity: 10 };
  const { id } = await createProduct(admin, product);
  const body = { status: 'SUSPENDED' } as const;
  return admin.patch('/v1/products/{id}', { params: { path: { id } }, body, resend: true });
}

async function createUser(gateway: string, admin: Caller, name: string): Promise<Caller> {
  const { id } = await admin.post('/v1/users', { body: { name }, resend: true });
  return callerOf(gateway, id);
}

async function createFunded(gateway: string, admin: Caller, name: string, amount: string): Promise<Caller> {
  const user = await createUser(gateway, admin, name);
  await user.topUp(amount);
  return user;
}

/** First come, first served: every customer asks at once, and the source has coupons for some. */
async function handOutCoupons(
  admin: Caller,
  customers: readonly Caller[],
  quantity: number,
): Promise<OwnedCoupon[]> {
  const body = { name: 'Welcome', discountAmount: DISCOUNT, quantity };
  const source = await admin.post('/v1/coupon-sources', { body, resend: true });
  const answers = await inParallel(AT_ONCE, customers, async (owner) => {
    try {
      return { owner, coupon: await owner.issueCoupon(source.id) };
    } catch (error) {
      if (isApiProblem(error) && error.code === 'SOLD_OUT') return null;
      throw error;
    }
  });
  return answers.filter((answer) => answer !== null);
}

/** Opens a shop with all that the plan needs. */
export async function openShop({ gateway, settings }: Stack, orders: number, plan: DemoPlan): Promise<Shop> {
  // The first admin comes from the token endpoint: it gives a token for any user and role.
  const admin = callerOf(gateway, 1, ['admin']);
  const products = await createProducts(admin, orders);
  const [scarce, suspended, precious] = await Promise.all([
    createProduct(admin, {
      name: 'Last year’s calendar',
      description: 'The last pieces',
      price: '4.00',
      quantity: plan.lastItems,
    }),
    createSuspended(admin),
    createProduct(admin, {
      name: 'Espresso machine of the old railway station',
      description: 'Costs more than one payment may be',
      price: formatAmount(parseAmount(settings.PAYMENT_LIMIT) + 1n),
      quantity: Math.max(1, plan.counts['over-limit']),
    }),
  ]);
  const dearest = products.map(({ price }) => parseAmount(price)).reduce((a, b) => (a > b ? a : b));
  const ordersEach = BigInt(Math.ceil(orders / plan.customers) + 2);
  const names = Array.from({ length: plan.customers }, (_, index) => `Customer ${index + 1}`);
  const funds = formatAmount(ordersEach * 2n * BigInt(MOST_OF_A_PRODUCT) * dearest);
  const customers = await inParallel(AT_ONCE, names, (name) => createFunded(gateway, admin, name, funds));
  const rich = await inParallel(AT_ONCE, Array.from({ length: plan.counts['over-limit'] }), () =>
    createFunded(gateway, admin, 'Collector', precious.price),
  );
  const coupons = await handOutCoupons(admin, customers, plan.coupons);
  return {
    products,
    scarce,
    suspended,
    precious,
    customers,
    rich,
    poor: await createFunded(gateway, admin, 'Student', '1.00'),
    stranger: callerOf(gateway, UNKNOWN_ID),
    coupons,
  };
}
