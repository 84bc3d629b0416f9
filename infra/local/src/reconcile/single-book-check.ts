import type { ServiceName } from '../ports.ts';
import type { Books } from './books.ts';
import type { Findings, InvariantId } from './invariants.ts';

/**
 * A part of an invariant that one database can answer. `violations` selects the offending rows; `subject` names the
 * column that identifies one.
 */
export interface SingleBookCheck {
  readonly invariant: InvariantId;
  readonly database: ServiceName;
  readonly unit: string;
  readonly checked: string;
  readonly subject: string;
  readonly problem: string;
  readonly violations: string;
}

/** Adds what the check finds in its database: 20 rows as examples, and the number of all of them. */
export async function runCheck(books: Books, check: SingleBookCheck, findings: Findings): Promise<void> {
  const { invariant, database, subject, problem } = check;
  const [total] = await books.query<{ count: number }>(database, check.checked);
  findings.checked(invariant, check.unit, total?.count ?? 0);
  const rows = await books.query<Record<string, unknown> & { violations: number }>(
    database,
    `SELECT *, count(*) OVER () AS violations FROM (${check.violations}) AS offending LIMIT 20`,
  );
  for (const [index, { violations, ...row }] of rows.entries()) {
    const name = `${subject} ${String(row[subject])}`;
    // The first row stands for those beyond the limit as well.
    const count = index === 0 ? violations - rows.length + 1 : 1;
    findings.violated(invariant, { subject: name, problem, rows: { [database]: row } }, count);
  }
}
