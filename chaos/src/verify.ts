import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { findPoison } from './faults/messages.ts';
import { readBooks } from './history/books.ts';
import { checkHistory, usersOf } from './history/check-history.ts';
import type { AnyOperation } from './history/history.ts';

/** What was found once the stack had healed; every list is empty when nothing was lost. */
export interface Findings {
  /** Orders the reconciliation looked at. */
  readonly orders: number;
  /** What the reconciliation says, or why it could not look. */
  readonly books: readonly string[];
  /** Answers that the books do not bear. */
  readonly history: readonly string[];
  /** Dead letters that are no injected poison, and poison that is no dead letter. */
  readonly deadLetters: readonly string[];
  /** Records of poison times the steps that read them. */
  readonly poisoned: number;
  /** How many orders ended how. */
  readonly outcomes: Readonly<Record<string, number>>;
}

interface Report {
  readonly kind: string;
  readonly orders?: number;
  readonly waitingFor?: readonly string[];
  readonly invariants?: ReadonlyArray<{
    readonly id: string;
    readonly violations: number;
    readonly examples: readonly unknown[];
  }>;
}

/** The longest way to rest: an order's hard age, then the compensation's deadline, with a backlog before both. */
const REST_LIMIT_S = 300;

async function reconcile(stack: RunningStack): Promise<Pick<Findings, 'orders' | 'books'>> {
  const { code, output } = await stack.run('reconcile/main.js', '--json', '--wait', String(REST_LIMIT_S));
  let report: Report;
  try {
    report = JSON.parse(output) as Report;
  } catch {
    return { orders: 0, books: [`reconcile ended with ${code}: ${output.trim()}`] };
  }
  if (report.kind !== 'checked')
    return { orders: 0, books: (report.waitingFor ?? []).map((what) => `not at rest: ${what}`) };
  const broken = (report.invariants ?? []).filter(({ violations }) => violations > 0);
  const books = broken.map(
    ({ id, violations, examples }) => `${id}: ${violations}, for instance ${JSON.stringify(examples[0])}`,
  );
  return { orders: report.orders ?? 0, books };
}

async function compareDeadLetters(stack: RunningStack): Promise<Pick<Findings, 'deadLetters' | 'poisoned'>> {
  const expected = new Set(await findPoison({ stack }));
  const poisoned = expected.size;
  const deadLetters: string[] = [];
  for (const service of SERVICE_NAMES) {
    const rows = await stack.sql<{ place: string; reason: string; error: string }>(
      service,
      `SELECT step || ' ' || topic || '/' || partition || '/' || "offset" AS place, reason, error
         FROM dead_letters WHERE closed_at IS NULL`,
    );
    for (const { place, reason, error } of rows) {
      if (!expected.delete(place))
        deadLetters.push(`${place} is parked (${reason}: ${error.slice(0, 200)}) and is no poison`);
    }
  }
  return {
    poisoned,
    deadLetters: [...deadLetters, ...[...expected].map((place) => `${place} is poison and not parked`)],
  };
}

async function countOutcomes(stack: RunningStack): Promise<Record<string, number>> {
  const rows = await stack.sql<{ outcome: string; count: number }>(
    'order',
    `SELECT CASE status WHEN 'CANCELLED' THEN failure_reason ELSE status END AS outcome, count(*)::int AS count
       FROM orders GROUP BY 1 ORDER BY 2 DESC`,
  );
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count]));
}

/** Waits until the healed stack is at rest and looks for anything that was lost, doubled or made up. */
export async function verify(stack: RunningStack, operations: readonly AnyOperation[]): Promise<Findings> {
  const reconciled = await reconcile(stack);
  const books = await readBooks(stack, usersOf(operations));
  const history = checkHistory(operations, books).map(
    ({ rule, subject, problem }) => `${rule} ${subject}: ${problem}`,
  );
  return {
    ...reconciled,
    history,
    ...(await compareDeadLetters(stack)),
    outcomes: await countOutcomes(stack),
  };
}
