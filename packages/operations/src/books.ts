import { onlyRow } from '@orderflow/messaging/outbox';
import { transaction, type ConnectionPool, type Tx } from '@orderflow/messaging/postgres';
import type { Service, ServiceBooks } from './shapes.ts';

/** One promise of a service about its own tables, true of every committed moment. */
export interface Invariant {
  /** Of the list of invariants: I1 … */
  readonly id: string;
  readonly promise: string;
  readonly unit: string;
  /** Selects how many there are, as `count`. */
  readonly checked: string;
  /** Selects the rows that break the promise; the column `subject` says whose row it is. Amounts as text. */
  readonly violations: string;
}

/** What a service can say about its books by itself, in a fixed number of set-based statements. */
export interface Books {
  readonly invariants: readonly Invariant[];
  /** Each selects one numeric value. */
  readonly totals: readonly { readonly name: string; readonly amount: string }[];
  /** Selects `openOrders` and `lastEventId`, in the service that has orders. */
  readonly orders?: string;
}

const EXAMPLES = 10;

/**
 * Checks a service's books, read-only.
 * @param pool its transactions show one moment (`createPool({ reports: true })`)
 */
export function readBooks(pool: ConnectionPool, service: Service, books: Books): Promise<ServiceBooks> {
  return transaction(pool, async (tx) => {
    const invariants = [];
    for (const invariant of books.invariants) invariants.push(await check(tx, invariant));
    const totals = [];
    for (const { name, amount } of books.totals) {
      const { rows } = await tx.query<{ amount: string }>(
        `SELECT coalesce((${amount}), 0)::numeric(20, 2)::text AS amount`,
      );
      totals.push({ name, amount: onlyRow(rows).amount });
    }
    const outbox = await tx.query<{ count: number }>('SELECT count(*) AS count FROM outbox');
    const orders = books.orders
      ? onlyRow((await tx.query<{ openOrders: number; lastEventId: number }>(books.orders)).rows)
      : { openOrders: null, lastEventId: null };
    return { service, invariants, totals, unpublishedRows: onlyRow(outbox.rows).count, ...orders };
  });
}

async function check(tx: Tx, invariant: Invariant): Promise<ServiceBooks['invariants'][number]> {
  const { id, promise, unit } = invariant;
  const checked = await tx.query<{ count: number }>(invariant.checked);
  const { rows } = await tx.query<{ row: Record<string, unknown>; violations: number }>(
    `SELECT to_jsonb(offending) AS row, count(*) OVER () AS violations
       FROM (${invariant.violations}) offending LIMIT ${EXAMPLES}`,
  );
  return {
    id,
    promise,
    unit,
    checked: onlyRow(checked.rows).count,
    violations: rows[0]?.violations ?? 0,
    examples: rows.map(({ row: { subject, ...row } }) => ({ subject: String(subject), row })),
  };
}
