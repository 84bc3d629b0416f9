import { formatAmount } from '@orderflow/shared-events/money';
import type { Books, LedgerRow } from './books.ts';
import { operationsOf, type AnyOperation, type Operation } from './history.ts';
import type { HistoryViolation } from './violation.ts';

/** A user's ledger with what is known of each row. */
interface Ledger {
  readonly rows: readonly LedgerRow[];
  /** `sums[k]` is the balance after the first `k` rows. */
  readonly sums: readonly bigint[];
  /** When the request that caused row `k` was sent: nobody sees it earlier. */
  readonly causedAt: readonly number[];
}

/** Top-ups and balances: what was answered is in the ledger, and what was read is a state the ledger went through. */
export function checkBalances(operations: readonly AnyOperation[], books: Books): HistoryViolation[] {
  const topUps = groupByUser(operationsOf(operations, 'top-up'));
  const reads = groupByUser(operationsOf(operations, 'read-balance'));
  const orderedAt = new Map<number, number>();
  for (const { outcome, invokedAt } of operationsOf(operations, 'place-order')) {
    if (outcome.is === 'answered') orderedAt.set(outcome.answer.orderId, invokedAt);
  }
  const violations: HistoryViolation[] = [];
  for (const userId of new Set([...topUps.keys(), ...reads.keys(), ...books.ledgers.keys()])) {
    const rows = books.ledgers.get(userId) ?? [];
    const own = topUps.get(userId) ?? [];
    violations.push(...checkTopUps(userId, own, rows));
    const ledger = openLedger(rows, own, orderedAt);
    violations.push(...checkReads(userId, reads.get(userId) ?? [], own, ledger));
  }
  return violations;
}

function groupByUser<Kind extends 'top-up' | 'read-balance'>(
  operations: readonly Operation<Kind>[],
): Map<number, Operation<Kind>[]> {
  const groups = new Map<number, Operation<Kind>[]>();
  for (const operation of operations) {
    const group = groups.get(operation.userId) ?? [];
    group.push(operation);
    groups.set(operation.userId, group);
  }
  return groups;
}

function openLedger(
  rows: readonly LedgerRow[],
  topUps: readonly Operation<'top-up'>[],
  orderedAt: ReadonlyMap<number, number>,
): Ledger {
  let sum = 0n;
  const sums = [sum];
  for (const { type, amount } of rows) {
    sum += type === 'CHARGE' ? -amount : amount;
    sums.push(sum);
  }
  const sentAt = new Map<number, number>();
  for (const { outcome, invokedAt } of topUps) {
    if (outcome.is === 'answered') sentAt.set(outcome.answer.recordId, invokedAt);
  }
  const causedAt = rows.map(({ id, orderId }) =>
    // Of a request without an answer nothing is known.
    orderId === null ? (sentAt.get(id) ?? -Infinity) : (orderedAt.get(orderId) ?? -Infinity),
  );
  return { rows, sums, causedAt };
}

function amountAt(sums: readonly bigint[], rows: number): string {
  return formatAmount(sums[rows] ?? 0n);
}

/** Each answered top-up has its row and told the balance after it; the other rows are of requests without an answer. */
function checkTopUps(
  userId: number,
  topUps: readonly Operation<'top-up'>[],
  rows: readonly LedgerRow[],
): HistoryViolation[] {
  const violations: HistoryViolation[] = [];
  const { sums } = openLedger(rows, [], new Map());
  const place = new Map(rows.map(({ id }, index) => [id, index]));
  const unsure = new Map<bigint, number>();
  const answered = new Set<number>();
  for (const { request, outcome } of topUps) {
    if (outcome.is === 'unknown') unsure.set(request.amount, (unsure.get(request.amount) ?? 0) + 1);
    if (outcome.is !== 'answered') continue;
    const { recordId, balance } = outcome.answer;
    const subject = `top-up ${recordId} of user ${userId}`;
    const index = place.get(recordId);
    const row = index === undefined ? undefined : rows[index];
    if (answered.has(recordId))
      violations.push({ rule: 'WRONG_ANSWER', subject, problem: 'the answer to two requests' });
    answered.add(recordId);
    if (index === undefined || row?.type !== 'TOP_UP' || row.amount !== request.amount) {
      const problem = `${formatAmount(request.amount)} was answered and is not in the ledger`;
      violations.push({ rule: 'LOST_WRITE', subject, problem });
    } else if (sums[index + 1] !== balance) {
      const problem = `told a balance of ${formatAmount(balance)}, it was ${amountAt(sums, index + 1)}`;
      violations.push({ rule: 'WRONG_ANSWER', subject, problem });
    }
  }
  for (const { id, type, amount } of rows) {
    if (type !== 'TOP_UP' || answered.has(id)) continue;
    const left = unsure.get(amount) ?? 0;
    if (left === 0) {
      const problem = `${formatAmount(amount)} that nobody asked for`;
      violations.push({ rule: 'PHANTOM_WRITE', subject: `top-up ${id} of user ${userId}`, problem });
    }
    unsure.set(amount, left - 1);
  }
  return violations;
}

/**
 * Finds a prefix of the ledger for each read. Reads are taken as they began, and each gets the shortest prefix that
 * fits: a longer one would only leave less room for the reads after it.
 */
function checkReads(
  userId: number,
  reads: readonly Operation<'read-balance'>[],
  topUps: readonly Operation<'top-up'>[],
  { rows, sums, causedAt }: Ledger,
): HistoryViolation[] {
  const place = new Map(rows.map(({ id }, index) => [id, index]));
  /** From then on every read that begins sees at least so many rows. */
  const floors: Array<{ readonly since: number; readonly rows: number }> = [];
  for (const { outcome, answeredAt } of topUps) {
    if (outcome.is !== 'answered') continue;
    const index = place.get(outcome.answer.recordId);
    if (index !== undefined) floors.push({ since: answeredAt, rows: index + 1 });
  }
  const violations: HistoryViolation[] = [];
  for (const { outcome, invokedAt, answeredAt } of [...reads].sort((a, b) => a.invokedAt - b.invokedAt)) {
    if (outcome.is !== 'answered') continue;
    const { amount } = outcome.answer;
    const least = Math.max(0, ...floors.filter(({ since }) => since < invokedAt).map((floor) => floor.rows));
    const later = causedAt.findIndex((at) => at > answeredAt);
    const most = later === -1 ? rows.length : later;
    const fit = sums.findIndex((sum, count) => count >= least && count <= most && sum === amount);
    if (fit === -1) {
      const could = `from ${amountAt(sums, least)} after ${least} rows to ${amountAt(sums, most)} after ${most}`;
      const problem = `${formatAmount(amount)} was read, where it could be what it was ${could}`;
      violations.push({ rule: 'IMPOSSIBLE_BALANCE', subject: `user ${userId}`, problem });
    } else {
      floors.push({ since: answeredAt, rows: fit });
    }
  }
  return violations;
}
