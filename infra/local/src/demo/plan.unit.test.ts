import { describe, expect, it } from '@jest/globals';
import { planDemo, SCENARIOS, type DemoPlan } from './plan.ts';

const settings = { BALANCE_MAX: '1000000.00', PAYMENT_LIMIT: '500000.00' };

const total = ({ counts }: DemoPlan) => SCENARIOS.reduce((sum, scenario) => sum + counts[scenario], 0);
const expectedTotal = ({ expected }: DemoPlan) =>
  [...expected.values()].reduce((sum, count) => sum + count, 0);

describe('the plan of a demo', () => {
  it.each([1, 2, 5, 12, 13, 50, 200, 1000, 100_000])(
    'has %i orders, each with one expected end',
    (orders) => {
      const plan = planDemo(orders, settings);
      expect(total(plan)).toBe(orders);
      expect(expectedTotal(plan)).toBe(orders);
      expect(Math.min(...SCENARIOS.map((scenario) => plan.counts[scenario]))).toBeGreaterThanOrEqual(0);
    },
  );

  it.each([13, 50, 200, 100_000])('shows every scenario with %i orders', (orders) => {
    const { counts } = planDemo(orders, settings);
    expect(SCENARIOS.filter((scenario) => counts[scenario] === 0)).toEqual([]);
  });

  it('knows how 200 orders end', () => {
    expect(Object.fromEntries(planDemo(200, settings).expected)).toEqual({
      PAID: 124,
      OUT_OF_STOCK: 10,
      PRODUCT_NOT_FOUND: 6,
      PRODUCT_NOT_ON_SALE: 6,
      PRICE_CHANGED: 6,
      COUPON_NOT_FOUND: 6,
      COUPON_ALREADY_USED: 6,
      USER_NOT_FOUND: 6,
      INSUFFICIENT_BALANCE: 10,
      PAYMENT_LIMIT_EXCEEDED: 4,
      CANCELLED_BY_USER: 16,
    });
  });

  it('has a coupon for each order with one, and more customers than coupons', () => {
    for (const orders of [1, 12, 200, 5000]) {
      const { counts, coupons, customers } = planDemo(orders, settings);
      expect(counts['paid-with-coupon']).toBeLessThanOrEqual(coupons);
      expect(coupons).toBeLessThan(customers);
    }
  });

  it('leaves out what no balance can reach', () => {
    const plan = planDemo(200, { BALANCE_MAX: '500000.00', PAYMENT_LIMIT: '500000.00' });
    expect(plan.counts['over-limit']).toBe(0);
    expect(plan.expected.has('PAYMENT_LIMIT_EXCEEDED')).toBe(false);
    expect(expectedTotal(plan)).toBe(200);
  });
});
