import type { Books } from './books.ts';
import { checkBalances } from './check-balances.ts';
import { operationsOf, type AnyOperation, type Operation, type OrderedItem } from './history.ts';
import type { HistoryViolation } from './violation.ts';

/**
 * Checks what clients were answered against what the books hold once everything is at rest:
 *
 * - an answered write is there, once, as it was asked for; what was refused, or never asked for, is not;
 * - a balance that was read is the sum of some prefix of the user's ledger, one that holds every write answered before
 *   the read began and none begun after it ended, and no read sees less than one that ended before it began;
 * - an order's status never goes back from one read to a later one, and an order whose cancelling was answered ends
 *   CANCELLED.
 *
 * One ledger a user is written under the lock of one row, so its ids are the order of its commits: no search over
 * permutations is needed, as it would be without.
 */
export function checkHistory(operations: readonly AnyOperation[], books: Books): HistoryViolation[] {
  return [
    ...checkOrders(operations, books),
    ...checkCoupons(operations, books),
    ...checkBalances(operations, books),
    ...checkStatuses(operations, books),
  ];
}

const canonical = (items: readonly OrderedItem[]) =>
  [...items]
    .sort((a, b) => a.productId - b.productId)
    .map(({ productId, quantity }) => `${quantity} of ${productId}`)
    .join(', ');

const describeOrder = (userId: number, items: readonly OrderedItem[], couponId: number | null) =>
  `user ${userId}, ${canonical(items)}, coupon ${couponId ?? 'none'}`;

/** Orders: each answered one is there as asked for; the others belong to requests without an answer, one each. */
function checkOrders(operations: readonly AnyOperation[], { orders }: Books): HistoryViolation[] {
  const placed = operationsOf(operations, 'place-order');
  const byId = new Map(orders.map((order) => [order.id, order]));
  const answered = new Set<number>();
  const violations: HistoryViolation[] = [];
  const unsure = new Map<string, number>();
  for (const { userId, request, outcome } of placed) {
    const asked = describeOrder(userId, request.items, request.couponId);
    if (outcome.is === 'unknown') unsure.set(asked, (unsure.get(asked) ?? 0) + 1);
    if (outcome.is !== 'answered') continue;
    const { orderId } = outcome.answer;
    const subject = `order ${orderId}`;
    const booked = byId.get(orderId);
    if (answered.has(orderId))
      violations.push({ rule: 'WRONG_ANSWER', subject, problem: 'the answer to two requests' });
    answered.add(orderId);
    if (!booked) {
      violations.push({ rule: 'LOST_WRITE', subject, problem: `accepted (${asked}), and there is none` });
    } else {
      const found = describeOrder(booked.userId, booked.items, booked.couponId);
      if (found !== asked)
        violations.push({
          rule: 'LOST_WRITE',
          subject,
          problem: `asked for as ${asked}, booked as ${found}`,
        });
    }
  }
  for (const { id, userId, items, couponId } of orders.filter((order) => !answered.has(order.id))) {
    const found = describeOrder(userId, items, couponId);
    const left = unsure.get(found) ?? 0;
    if (left === 0)
      violations.push({
        rule: 'PHANTOM_WRITE',
        subject: `order ${id}`,
        problem: `nobody asked for it (${found})`,
      });
    unsure.set(found, left - 1);
  }
  return violations;
}

/** Coupons: as orders; a source gives a user one. */
function checkCoupons(operations: readonly AnyOperation[], { coupons }: Books): HistoryViolation[] {
  const issued = operationsOf(operations, 'issue-coupon');
  const byId = new Map(coupons.map((coupon) => [coupon.id, coupon]));
  const askedFor = new Set(
    issued
      .filter(({ outcome }) => outcome.is !== 'refused')
      .map(({ userId, request }) => `${userId}/${request.sourceId}`),
  );
  const violations: HistoryViolation[] = [];
  for (const { userId, request, outcome } of issued) {
    if (outcome.is !== 'answered') continue;
    const coupon = byId.get(outcome.answer.couponId);
    if (coupon?.userId === userId && coupon.sourceId === request.sourceId) continue;
    const subject = `coupon ${outcome.answer.couponId}`;
    const problem = `issued to user ${userId} from source ${request.sourceId}, and ${coupon ? 'it is another one' : 'there is none'}`;
    violations.push({ rule: 'LOST_WRITE', subject, problem });
  }
  for (const { id, userId, sourceId } of coupons) {
    if (askedFor.has(`${userId}/${sourceId}`)) continue;
    const problem = `user ${userId} has it from source ${sourceId} without an answer that says so`;
    violations.push({ rule: 'PHANTOM_WRITE', subject: `coupon ${id}`, problem });
  }
  return violations;
}

/** The way of every order; each status may be left out. */
const WAY = [
  'CREATED',
  'STOCK_RESERVED',
  'COUPON_APPLIED',
  'BALANCE_CHARGED',
  'PAID',
  'CANCELLING',
  'CANCELLED',
];

/** A status someone was told of an order. */
interface Sighting {
  readonly status: string;
  readonly invokedAt: number;
  readonly answeredAt: number;
}

function sightingsOf(operations: readonly AnyOperation[]): Map<number, Sighting[]> {
  const sightings = new Map<number, Sighting[]>();
  for (const kind of ['read-order', 'cancel-order'] as const) {
    for (const { request, outcome, invokedAt, answeredAt } of operationsOf(operations, kind)) {
      if (outcome.is !== 'answered') continue;
      const seen = sightings.get(request.orderId) ?? [];
      seen.push({ status: outcome.answer.status, invokedAt, answeredAt });
      sightings.set(request.orderId, seen);
    }
  }
  return sightings;
}

function checkStatuses(operations: readonly AnyOperation[], { orders }: Books): HistoryViolation[] {
  const violations: HistoryViolation[] = [];
  for (const [orderId, seen] of sightingsOf(operations)) {
    const found = stepBack(seen);
    if (found) violations.push({ rule: 'STATUS_WENT_BACK', subject: `order ${orderId}`, problem: found });
  }
  const cancelled = new Set(
    operationsOf(operations, 'cancel-order')
      .filter(({ outcome }) => outcome.is === 'answered')
      .map(({ request }) => request.orderId),
  );
  for (const { id, status } of orders) {
    if (!cancelled.has(id) || status === 'CANCELLED') continue;
    const problem = `its cancelling was accepted and it is ${status}`;
    violations.push({ rule: 'CANCEL_FORGOTTEN', subject: `order ${id}`, problem });
  }
  return violations;
}

/** What was told of an order after something later on its way had been told; null when nothing was. */
function stepBack(seen: readonly Sighting[]): string | null {
  const byEnd = [...seen].sort((a, b) => a.answeredAt - b.answeredAt);
  const byBegin = [...seen].sort((a, b) => a.invokedAt - b.invokedAt);
  let ended = 0;
  let furthest = -1;
  for (const { status, invokedAt } of byBegin) {
    for (let last = byEnd[ended]; last !== undefined && last.answeredAt < invokedAt; last = byEnd[ended]) {
      furthest = Math.max(furthest, WAY.indexOf(last.status));
      ended += 1;
    }
    if (WAY.indexOf(status) < furthest) return `${status} was read after ${WAY[furthest]}`;
  }
  return null;
}

/** The users of a history. */
export function usersOf(operations: readonly Operation[]): number[] {
  return [...new Set(operations.map(({ userId }) => userId))];
}
