import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import type { Crash } from './memory-pool.ts';
import {
  brokenAtRest,
  checkSchedules,
  redelivery,
  ScheduleBroken,
  scenarios,
  startConsumers,
  type Scenario,
  type SchedulePair,
  type Tables,
} from './schedules.ts';
import { watchPool, type ConnectionPool, type StatementHook } from './watched-pool.ts';

/** A pair on a database of its own. */
export interface PostgresPair extends SchedulePair {
  /** Connections of the app role, as the service opens them: at least one more than consumers. */
  readonly pool: Pool;
  readonly owner: Pool;
  /** SQL, run by the owner on empty tables. */
  readonly seed: string;
  /** The tables that are seeded, written and looked at, the outbox included. */
  readonly tables: readonly string[];
}

/** What happened in all schedules together: a run in which nothing meets proves nothing. */
export interface SeenOnPostgres {
  schedules: number;
  /** Steps beside a statement that waited for a lock, batches that lost a race for a fence, lost connections. */
  waits: number;
  races: number;
  crashes: number;
}

/** A statement without an answer for so long may be waiting for a lock: then Postgres is asked. */
const ANSWER_MS = 3;

/**
 * Runs the pair's steps through the kit on a real Postgres, `numRuns` times, each time in another order of their
 * statements, with other batches, redeliveries and lost connections. One statement is sent at a time; one that waits for
 * a lock is left waiting, and the others go on.
 * @throws Error with the first schedule that broke something
 */
export async function checkOnPostgres(
  pair: PostgresPair,
  run: { readonly seed: number; readonly numRuns: number },
): Promise<SeenOnPostgres> {
  const seen: SeenOnPostgres = { schedules: 0, waits: 0, races: 0, crashes: 0 };
  const property = fc.asyncProperty(
    fc.scheduler(),
    scenarios({ others: 1, crashes: 1 }),
    async (scheduler, scenario) => {
      seen.schedules += 1;
      await new PostgresSchedule(pair, scheduler, scenario, seen).run();
    },
  );
  await checkSchedules(property, run);
  return seen;
}

/** One schedule on tables that hold the seed and nothing else. */
class PostgresSchedule {
  readonly #pair: PostgresPair;
  readonly #scheduler: fc.Scheduler;
  readonly #scenario: Scenario;
  readonly #seen: SeenOnPostgres;
  readonly #noticed: string[] = [];
  /** Server processes that have been sent a statement and have not answered. */
  readonly #sent = new Set<number>();
  #running = 0;
  #connections = 0;
  #fault: Error | null = null;
  #changed: () => void = () => undefined;

  constructor(pair: PostgresPair, scheduler: fc.Scheduler, scenario: Scenario, seen: SeenOnPostgres) {
    this.#pair = pair;
    this.#scheduler = scheduler;
    this.#scenario = scenario;
    this.#seen = seen;
  }

  /** @throws ScheduleBroken */
  async run(): Promise<void> {
    try {
      await this.#empty();
      await this.#deliver(this.#scenario, (name) => this.#watched(name));
      const rows = await this.#rows();
      this.#seen.races += this.#noticed.filter((kind) => kind === 'lost-race').length;
      this.#seen.crashes += this.#noticed.filter((kind) => kind === 'retry').length;
      const broken = brokenAtRest(this.#pair, this.#scenario, rows, this.#noticed);
      if (broken) throw new Error(broken);
      await this.#deliver(redelivery(this.#scenario), () => this.#pair.pool);
      if (JSON.stringify(await this.#rows()) !== JSON.stringify(rows))
        throw new Error('delivering all of it again changed something');
    } catch (error) {
      const how = error instanceof Error ? error.message : String(error);
      const steps = this.#scheduler.report().map(({ label }) => label);
      throw new ScheduleBroken(this.#pair.name, how, this.#scenario, steps);
    }
  }

  /** DELETE in one statement: TRUNCATE costs ten times as much on small tables. */
  async #empty(): Promise<void> {
    const { owner, tables, seed } = this.#pair;
    const deletes = tables.map((table, index) => `d${index} AS (DELETE FROM ${table})`);
    await owner.query(`WITH ${deletes.join(', ')} SELECT 1`);
    await owner.query(seed);
  }

  async #rows(): Promise<Tables> {
    const { owner, tables } = this.#pair;
    const selects = tables.map((table) => `SELECT '${table}' AS "table", to_jsonb(t) AS row FROM ${table} t`);
    const { rows } = await owner.query<{ table: string; row: Tables[string][number] }>(
      selects.join(' UNION ALL '),
    );
    return Object.fromEntries(
      tables.map((table) => [table, rows.filter((row) => row.table === table).map(({ row }) => row)]),
    );
  }

  async #deliver(scenario: Scenario, poolOf: (name: string) => ConnectionPool): Promise<void> {
    this.#running = scenario.work.length;
    startConsumers(this.#pair, scenario, poolOf, {
      notice: (what) => void this.#noticed.push(what),
      done: (error) => {
        this.#running -= 1;
        if (error) this.#fault ??= error;
        this.#changed();
      },
    });
    while (this.#running > 0) {
      await this.#quiet();
      if (this.#scheduler.count() > 0) await this.#scheduler.waitNext(1);
    }
    if (this.#fault !== null) throw this.#fault;
  }

  /** Each statement of a consumer is a task of the scheduler, sent when its turn comes. */
  #watched(name: string): ConnectionPool {
    const { pool } = this.#pair;
    return {
      connect: async () => {
        const connection = this.#connections++;
        const crash = this.#scenario.crashes.find((planned) => planned.connection === connection);
        let statement = 0;
        const hook: StatementHook = async ({ text, client, run }) => {
          const label = `${name} ${text.replaceAll(/\s+/g, ' ').slice(0, 48)}`;
          const turn = this.#scheduler.schedule(Promise.resolve(), label);
          this.#changed();
          await turn;
          // BEGIN is not counted.
          const crashes = crash !== undefined && statement++ === crash.statement + 1;
          return this.#send(client, crashes ? breaking(pool, client, text, run, crash.how) : run);
        };
        return watchPool(pool, hook).connect();
      },
    };
  }

  async #send(client: PoolClient, run: () => Promise<unknown>): Promise<unknown> {
    const pid = pidOf(client);
    this.#sent.add(pid);
    try {
      return await run();
    } finally {
      this.#sent.delete(pid);
      this.#changed();
    }
  }

  /**
   * Waits until every consumer is done, at its next statement, or at one that waits for a lock of somebody who can go
   * on. Who pauses after an error is waited for, too.
   */
  async #quiet(): Promise<void> {
    let change = this.#nextChange();
    for (;;) {
      await settled();
      const elsewhere = this.#running - this.#scheduler.count();
      if (elsewhere <= 0) return;
      const mayWait = this.#sent.size === elsewhere && this.#scheduler.count() > 0;
      if (!(await within(ANSWER_MS, change)) && mayWait && (await this.#allWait())) {
        this.#seen.waits += 1;
        return;
      }
      change = this.#nextChange();
    }
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => (this.#changed = resolve));
  }

  /** Whether everyone who owes an answer waits for a lock. Granted ones are out of this view before COMMIT is answered. */
  async #allWait(): Promise<boolean> {
    const pids = [...this.#sent];
    const { rows } = await this.#pair.owner.query<{ waiting: number }>(
      'SELECT count(*)::int AS waiting FROM unnest($1::int[]) pid WHERE cardinality(pg_blocking_pids(pid)) > 0',
      [pids],
    );
    return rows[0]?.waiting === pids.length && pids.every((pid) => this.#sent.has(pid));
  }
}

/** `killed`: the server ends the session before the statement; `cut`: behind it, and its answer does not come. */
function breaking(
  pool: Pool,
  client: PoolClient,
  text: string,
  run: () => Promise<unknown>,
  how: Crash['how'],
): () => Promise<unknown> {
  const kill = () => pool.query('SELECT pg_terminate_backend($1)', [pidOf(client)]);
  return async () => {
    if (how === 'killed') {
      await kill();
      return run();
    }
    await run();
    await kill();
    throw Object.assign(new Error(`no answer to ${text}`), { code: 'ECONNRESET' });
  };
}

function pidOf(client: PoolClient): number {
  return (client as unknown as { processID: number }).processID;
}

/** Whether the work was done within `ms`. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
