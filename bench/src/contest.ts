import type { StartedBackends } from './backends.ts';
import type { Entry } from './entries.ts';
import { measureThroughput, type Throughput } from './measure.ts';
import { SHOP } from './shop.ts';

export interface Contest {
  readonly entries: readonly Entry[];
  readonly rounds: number;
  /** Told before each run of an entry. */
  readonly onRun: (entry: string, round: number) => void;
  /** Told when a round of an entry is over and its books were right. */
  readonly onResult: (entry: string, figures: Throughput) => void;
}

/** Coupons that a warm-up may have used besides those of its counted orders: of requests that were still in flight. */
const COUPONS_SPARED = 300;

/**
 * Runs all entries in turn, round by round, each over fresh tables and warmed up: what is compared was measured within
 * minutes of each other.
 * @throws Error, after all others have run, when an arm failed or its books are wrong: its figures do not count
 */
export async function runContest(backends: StartedBackends, contest: Contest): Promise<void> {
  const failures: string[] = [];
  for (let round = 1; round <= contest.rounds; round += 1) {
    for (const entry of contest.entries) {
      contest.onRun(entry.name, round);
      try {
        contest.onResult(entry.name, await runEntry(backends, entry, `${entry.name}-${round}`));
      } catch (error) {
        failures.push(
          `${entry.name}, round ${round}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

async function runEntry(backends: StartedBackends, entry: Entry, run: string): Promise<Throughput> {
  const arm = await entry.arm.start(backends, SHOP);
  try {
    const { products, refusedPercent } = entry;
    const load = { connections: 256, products, refusedPercent };
    const warmUp = { ...load, seconds: entry.warmUpSeconds, firstCoupon: 1, run: `${run}-warm-up` };
    await countStatements(backends, true);
    const { orders, statementsPerOrder } = await measureThroughput(arm, backends, warmUp);
    await countStatements(backends, false);
    const firstCoupon = Math.ceil(orders / 4) + COUPONS_SPARED;
    const figures = await measureThroughput(arm, backends, {
      ...load,
      seconds: entry.seconds,
      firstCoupon,
      run,
    });
    const violations = await arm.verify();
    if (violations.length > 0) throw new Error(`its books are wrong:\n${violations.join('\n')}`);
    return { ...figures, statementsPerOrder };
  } finally {
    await arm.stop();
  }
}

/**
 * Counting statements takes Postgres time of its own, so it is done in the warm-up alone. Postgres keeps 5,000 of them and
 * forgets the rarest: those of earlier arms would leave while the next is counted.
 */
async function countStatements({ admin }: StartedBackends, count: boolean): Promise<void> {
  if (count) await admin.query('SELECT pg_stat_statements_reset()');
  await admin.query(`ALTER SYSTEM SET pg_stat_statements.track = '${count ? 'top' : 'none'}'`);
  await admin.query('SELECT pg_reload_conf()');
}
