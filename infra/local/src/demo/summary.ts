import type { Order } from '@orderflow/client/api-types';
import { isFinal } from '@orderflow/client/order-watch';
import pc from 'picocolors';
import { seconds } from '../messages.ts';
import { reconciliationLines } from '../reconcile/print.ts';
import type { Reconciliation } from '../reconcile/reconcile.ts';
import type { Outcome } from './plan.ts';

export interface DemoRun {
  readonly orders: readonly Order[];
  readonly placed: number;
  readonly expected: ReadonlyMap<Outcome, number>;
  readonly elapsedMs: number;
  readonly books: Reconciliation;
}

/** These are refused before anything was taken: there is nothing to give back. */
const REFUSED_FIRST: ReadonlySet<string> = new Set([
  'OUT_OF_STOCK',
  'PRODUCT_NOT_FOUND',
  'PRODUCT_NOT_ON_SALE',
  'PRICE_CHANGED',
]);

/** How many orders ended how; open ones are in none. */
export function countOutcomes(orders: readonly Order[]): ReadonlyMap<Outcome, number> {
  const counts = new Map<Outcome, number>();
  for (const { status, failureReason } of orders) {
    const outcome = status === 'PAID' ? 'PAID' : status === 'CANCELLED' ? (failureReason ?? 'OTHER') : null;
    if (outcome !== null) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

function stuckCount({ placed, orders }: DemoRun): number {
  return placed - orders.filter(isFinal).length;
}

/** Every order ended, each outcome as often as planned, and the books are exact. */
export function isRight(run: DemoRun): boolean {
  const actual = countOutcomes(run.orders);
  const asPlanned = [...new Set([...run.expected.keys(), ...actual.keys()])].every(
    (outcome) => run.expected.get(outcome) === actual.get(outcome),
  );
  return stuckCount(run) === 0 && asPlanned && run.books.kind === 'checked' && run.books.ok;
}

/** The value below which `share` of the sorted values lie (nearest rank). */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

function latencies(orders: readonly Order[]): number[] {
  return orders
    .flatMap(({ createdAt, paidAt }) => (paidAt === null ? [] : [Date.parse(paidAt) - Date.parse(createdAt)]))
    .sort((a, b) => a - b);
}

const LABEL_WIDTH = 26;

function row(label: string, count: number, note = ''): string {
  return `  ${label.padEnd(LABEL_WIDTH)} ${String(count).padStart(6)}${note === '' ? '' : `   ${note}`}`;
}

function notePlan(run: DemoRun, outcome: Outcome, count: number): string {
  const planned = run.expected.get(outcome) ?? 0;
  return planned === count ? '' : pc.red(`planned: ${planned}`);
}

function outcomeLines(run: DemoRun): string[] {
  const counts = countOutcomes(run.orders);
  const paid = counts.get('PAID') ?? 0;
  const withCoupon = run.orders.filter(({ status, couponId }) => status === 'PAID' && couponId !== null);
  const cancelled = run.orders.filter(({ status }) => status === 'CANCELLED');
  const compensated = cancelled.filter(({ failureReason }) => !REFUSED_FIRST.has(failureReason ?? ''));
  const refunded = cancelled.filter(({ paidAt }) => paidAt !== null).length;
  const reasons = new Set([...run.expected.keys(), ...counts.keys()].filter((outcome) => outcome !== 'PAID'));
  const stuck = stuckCount(run);
  return [
    row('paid', paid, notePlan(run, 'PAID', paid) || `${withCoupon.length} of them with a coupon`),
    row('refused or cancelled', cancelled.length),
    ...[...reasons].sort().map((reason) => {
      const count = counts.get(reason) ?? 0;
      const halves = `${count - refunded} before the payment, ${refunded} refunded after it`;
      return row(
        `  ${reason}`,
        count,
        notePlan(run, reason, count) || (reason === 'CANCELLED_BY_USER' ? halves : ''),
      );
    }),
    row('compensated', compensated.length, 'what had been taken was given back'),
    row('stuck', stuck, stuck === 0 ? '' : pc.red('see GET /v1/orders/{id}/events')),
  ];
}

/** The summary that ends the demo. */
export function summaryLines(run: DemoRun): string[] {
  const sorted = latencies(run.orders);
  const ms = (share: number) => `${percentile(sorted, share) ?? '–'} ms`;
  return [
    '',
    pc.bold(`${run.placed} orders through five services in ${seconds(run.elapsedMs)}`),
    ...outcomeLines(run),
    `  POST to PAID               p50 ${ms(0.5)}, p95 ${ms(0.95)}, ${sorted.length} orders`,
    '',
    pc.bold('Books across the five databases'),
    ...reconciliationLines(run.books),
  ];
}

/** Commands that a person can paste while the stack runs. */
export function nextLines(gateway: string, order: Order | undefined): string[] {
  const { userId, id } = order ?? { userId: 1, id: 1 };
  return [
    '',
    pc.bold('Try next'),
    `  TOKEN=$(curl -s ${gateway}/v1/auth/token -H 'content-type: application/json' -d '{"userId": ${userId}}' | node -pe 'JSON.parse(fs.readFileSync(0)).accessToken')`,
    `  curl -s ${gateway}/v1/orders/${id} -H "authorization: Bearer $TOKEN"`,
    `  curl -s ${gateway}/v1/orders/${id}/events -H "authorization: Bearer $TOKEN"`,
    `  curl -s -X POST ${gateway}/v1/orders/${id}/cancel -H "authorization: Bearer $TOKEN"`,
    '  npm run reconcile',
  ];
}
