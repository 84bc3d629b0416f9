import { expect } from '@jest/globals';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';

interface Violated {
  readonly id: string;
  readonly violations: number;
  readonly examples: ReadonlyArray<{ subject: string; problem: string }>;
}

interface Report {
  readonly kind: string;
  readonly orders?: number;
  readonly waitingFor?: readonly string[];
  readonly invariants?: readonly Violated[];
}

/** Ids of events that a test has sent again with other bytes. A topic forgets nothing: I8 names them from then on. */
const forged = new WeakMap<RunningStack, ReadonlySet<string>>();

/** From now on the books are exact but for these events, each named by the reconciliation. At most 20 in all. */
export function expectForged(stack: RunningStack, ids: Iterable<string>): void {
  forged.set(stack, new Set([...(forged.get(stack) ?? []), ...ids]));
}

const lineOf = (id: string, { subject, problem }: Violated['examples'][number]) =>
  `${id} ${subject}: ${problem}`;

/**
 * Waits for rest and runs the reconciliation as an operator does. Returns how many orders it looked at.
 * @param deadLetters how many are to be open; by default that is no matter
 * @param run runs a command of the local stack's, by default of this release
 */
export async function expectExactBooks(
  stack: RunningStack,
  deadLetters?: number,
  run: RunningStack['run'] = stack.run,
): Promise<number> {
  const words = deadLetters === undefined ? [] : ['--dead-letters', String(deadLetters)];
  const { code, output } = await run('reconcile/main.js', '--json', '--wait', '60', ...words);
  let report: Report = { kind: output };
  try {
    report = JSON.parse(output) as Report;
  } catch {
    // What it printed instead is shown by the expectation below.
  }
  const broken = report.invariants?.flatMap(({ id, examples }) => examples.map((one) => lineOf(id, one)));
  const problem = 'its copies are not the same byte for byte';
  const known = [...(forged.get(stack) ?? [])].map((id) => lineOf('I8', { subject: `event ${id}`, problem }));
  expect({ kind: report.kind, waitingFor: report.waitingFor, broken: broken?.sort() }).toEqual({
    kind: 'checked',
    waitingFor: undefined,
    broken: known.sort(),
  });
  expect(code).toBe(known.length === 0 ? 0 : 1);
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
