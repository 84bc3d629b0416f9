import { parseAmount } from '@orderflow/shared-events/money';
import type { Reason } from '@orderflow/shared-events/order-so-far';

/** What an order of the demo is about. */
export const SCENARIOS = [
  'paid',
  'paid-with-coupon',
  'last-items',
  'unknown-product',
  'off-sale',
  'old-price',
  'unknown-coupon',
  'coupon-again',
  'unknown-user',
  'no-money',
  'over-limit',
  'cancelled-at-once',
  'refunded',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** How an order ends: paid for good, or the reason it did not. */
export type Outcome = 'PAID' | Reason;

/** Shares of 200 orders; what they leave is paid. */
const SHARES: Readonly<Record<Exclude<Scenario, 'paid'>, number>> = {
  'paid-with-coupon': 20,
  'last-items': 20,
  'unknown-product': 6,
  'off-sale': 6,
  'old-price': 6,
  'unknown-coupon': 6,
  'coupon-again': 6,
  'unknown-user': 6,
  'no-money': 10,
  'over-limit': 4,
  'cancelled-at-once': 8,
  refunded: 8,
};

const REASONS: Readonly<Partial<Record<Scenario, Reason>>> = {
  'unknown-product': 'PRODUCT_NOT_FOUND',
  'off-sale': 'PRODUCT_NOT_ON_SALE',
  'old-price': 'PRICE_CHANGED',
  'unknown-coupon': 'COUPON_NOT_FOUND',
  'coupon-again': 'COUPON_ALREADY_USED',
  'unknown-user': 'USER_NOT_FOUND',
  'no-money': 'INSUFFICIENT_BALANCE',
  'over-limit': 'PAYMENT_LIMIT_EXCEEDED',
  'cancelled-at-once': 'CANCELLED_BY_USER',
  refunded: 'CANCELLED_BY_USER',
};

/** Each such order needs a user of its own, who can hold no second such amount. */
const MOST_OVER_LIMIT = 20;
const ORDERS_A_CUSTOMER = 5;

export interface DemoPlan {
  readonly counts: Readonly<Record<Scenario, number>>;
  readonly customers: number;
  /** Coupons of the first-come source; every customer asks for one. */
  readonly coupons: number;
  /** Stock of the product that `last-items` orders want, one each. */
  readonly lastItems: number;
  /** How many orders end how: the demo is right when exactly this happens. */
  readonly expected: ReadonlyMap<Outcome, number>;
}

export interface PlanSettings {
  readonly BALANCE_MAX: string;
  readonly PAYMENT_LIMIT: string;
}

/** A total above the payment limit must fit a balance, or nobody can order it. */
function canPassLimit({ BALANCE_MAX, PAYMENT_LIMIT }: PlanSettings): boolean {
  return parseAmount(PAYMENT_LIMIT) < parseAmount(BALANCE_MAX);
}

function countOrders(orders: number, settings: PlanSettings, coupons: number): Record<Scenario, number> {
  const counts = Object.fromEntries(SCENARIOS.map((scenario) => [scenario, 0])) as Record<Scenario, number>;
  // Few orders show few things, each one once: the first paid, then the others in their order.
  let left = Math.max(0, orders - 1);
  for (const [scenario, share] of Object.entries(SHARES) as Array<[keyof typeof SHARES, number]>) {
    const wanted = Math.max(1, Math.round((orders * share) / 200));
    const most = mostOf(scenario, settings, coupons, counts);
    counts[scenario] = Math.min(left, wanted, most);
    left -= counts[scenario];
  }
  counts.paid = orders - SCENARIOS.reduce((sum, scenario) => sum + counts[scenario], 0);
  return counts;
}

function mostOf(
  scenario: Scenario,
  settings: PlanSettings,
  coupons: number,
  counts: Readonly<Record<Scenario, number>>,
): number {
  switch (scenario) {
    case 'paid-with-coupon':
      return coupons;
    case 'coupon-again':
      return counts['paid-with-coupon'] === 0 ? 0 : Number.MAX_SAFE_INTEGER;
    case 'over-limit':
      return canPassLimit(settings) ? MOST_OVER_LIMIT : 0;
    default:
      return Number.MAX_SAFE_INTEGER;
  }
}

/**
 * What `orders` orders are to show, and how many of them must end how. From 12 orders on every scenario is there.
 *
 * @param settings limits of the running stack: where no balance can pass the payment limit, that scenario is left out.
 */
export function planDemo(orders: number, settings: PlanSettings): DemoPlan {
  const customers = Math.min(100, Math.max(4, Math.ceil(orders / ORDERS_A_CUSTOMER)));
  const coupons = Math.max(1, Math.floor(customers / 2));
  const counts = countOrders(orders, settings, coupons);
  const lastItems = Math.floor(counts['last-items'] / 2);
  const expected = new Map<Outcome, number>();
  const expect = (outcome: Outcome, count: number) => {
    if (count > 0) expected.set(outcome, (expected.get(outcome) ?? 0) + count);
  };
  expect('PAID', counts.paid + counts['paid-with-coupon'] + lastItems);
  expect('OUT_OF_STOCK', counts['last-items'] - lastItems);
  for (const scenario of SCENARIOS) {
    const reason = REASONS[scenario];
    if (reason !== undefined) expect(reason, counts[scenario]);
  }
  return { counts, customers, coupons, lastItems, expected };
}
