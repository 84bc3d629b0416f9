import { expect } from '@jest/globals';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from './running-stack.ts';

interface Report {
  readonly kind: string;
  readonly orders?: number;
  readonly waitingFor?: readonly string[];
  readonly invariants?: ReadonlyArray<{ id: string; violations: number; examples: readonly unknown[] }>;
}

/** Waits for rest and runs the reconciliation as an operator does. Returns how many orders it looked at. */
export async function expectExactBooks(stack: RunningStack): Promise<number> {
  const { code, output } = await stack.run('reconcile/main.js', '--json', '--wait', '60');
  let report: Report = { kind: output };
  try {
    report = JSON.parse(output) as Report;
  } catch {
    // What it printed instead is shown by the expectation below.
  }
  const broken = report.invariants?.filter(({ violations }) => violations > 0);
  expect({ kind: report.kind, waitingFor: report.waitingFor, broken }).toEqual({
    kind: 'checked',
    waitingFor: undefined,
    broken: [],
  });
  expect(code).toBe(0);
  return report.orders ?? 0;
}

/** These come and go without saying anything about orders; the totals are summed up from order_events, now and then. */
const PASSING = ['outbox', 'dead_letters', '_prisma_migrations', 'saga_totals'];

/** One digest a table over all its rows and columns, times included: equal digests, equal tables. */
export async function digestTables(stack: RunningStack): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const database of SERVICE_NAMES) {
    const tables = await stack.sql<{ name: string }>(
      database,
      `SELECT table_name AS name FROM information_schema.tables
        WHERE table_schema = 'public' AND NOT table_name = ANY ($1) ORDER BY 1`,
      [PASSING],
    );
    for (const { name } of tables) {
      const [row] = await stack.sql<{ digest: string }>(
        database,
        `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') AS digest
           FROM ${name} t`,
      );
      digests[`${database}.${name}`] = row!.digest;
    }
  }
  return digests;
}
