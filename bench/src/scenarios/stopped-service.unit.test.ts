import { describe, expect, it } from '@jest/globals';
import { drainOf } from './stopped-service.ts';

/** Ten orders a second from 0 on, order n at (n − 1) × 100 ms. */
const orders = (count: number) => ({
  scheduledAt: Float64Array.from({ length: count }, (_, index) => index * 100),
  orderId: Float64Array.from({ length: count }, (_, index) => index + 1),
});

describe('drainOf', () => {
  it('counts what was paid from the return until the last order that had to wait', () => {
    // Back at 5,000; then 40 a second: the queue is empty after about 60 orders, what comes later takes 20 ms.
    const paidAt = new Map<number, number>();
    for (let id = 1; id <= 100; id += 1) paidAt.set(id, Math.max(5_000 + id * 25, (id - 1) * 100 + 20));
    const { drainPerSecond, drainSeconds } = drainOf(orders(100), paidAt, 5_000);
    expect(drainPerSecond).toBeCloseTo(40, 0);
    expect(drainSeconds).toBeCloseTo(1.35, 2);
  });

  it('leaves out what was paid before the stop, however long it took', () => {
    const paidAt = new Map([
      [1, 2_000],
      [2, 6_000],
      [3, 6_500],
    ]);
    expect(drainOf(orders(3), paidAt, 5_000)).toEqual({ drainPerSecond: 2 / 1.5, drainSeconds: 1.5 });
  });

  it('has nothing to tell when nobody waited', () => {
    expect(() => drainOf(orders(1), new Map([[1, 20]]), 5)).toThrow('no order had to wait');
  });
});
