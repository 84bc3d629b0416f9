import type { RunningArm } from '../arm.ts';
import { drain } from '../measure.ts';

/** What a scenario tells while it runs, a line at a time. */
export type Report = (line: string) => void;

/**
 * Waits until every order is over and checks the arm's books: figures of wrong books do not count.
 * @throws Error naming each violation, or when orders are not over within the limit
 */
export async function endAtRest(arm: RunningArm, limitMs?: number): Promise<void> {
  await drain(arm, limitMs);
  const violations = await arm.verify();
  if (violations.length > 0) throw new Error(`the books are wrong:\n${violations.join('\n')}`);
}

/** Where orders ask for what, and as whom: continues where an earlier load stopped. */
export interface ShopLoad {
  readonly products: number;
  /** First coupon to use, 0 for none; every fourth order takes the next one. */
  readonly firstCoupon: number;
  /** Part of each idempotency key. */
  readonly run: string;
}
