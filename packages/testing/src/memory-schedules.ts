import { jest } from '@jest/globals';
import fc from 'fast-check';
import { MemoryDatabase, type MemoryChange, type MemoryTable } from './memory-database.ts';
import { elementsOf, MemoryPool, statementBook, type Statement, type StatementBook } from './memory-pool.ts';
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

/** A pair on tables in memory. */
export interface MemoryPair extends SchedulePair {
  readonly tables: Readonly<Record<string, MemoryTable>>;
  /** The statements of both steps by their text. */
  readonly statements: Readonly<Record<string, Statement>>;
  /** Whether the rows after a commit bear out that the order was refused in it. */
  readonly refusedRightly: (tables: Tables, orderId: number) => boolean;
}

/** What happened in all schedules together: a run in which nothing meets proves nothing. */
export interface Seen {
  readonly schedules: number;
  /** Statements that waited for another transaction, batches that lost a race for a fence, deadlocks, lost connections. */
  readonly waits: number;
  readonly races: number;
  readonly deadlocks: number;
  readonly crashes: number;
}

/** The kit's own statements. */
const KIT: Readonly<Record<string, Statement>> = {
  async 'INSERT INTO outbox (messages) VALUES ($1) RETURNING id'(transaction, [messages]) {
    await transaction.insert('outbox', [{ messages }]);
    return [{ id: 1 }];
  },
  async [`INSERT INTO dead_letters (step, topic, partition, "offset", key, value, headers, reason, error)
     SELECT $1, m.* FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::bytea[], $7::jsonb[], $8::text[], $9::text[]) m
     ON CONFLICT (step, topic, partition, "offset") DO NOTHING`](transaction, [step, topics]) {
    await transaction.insert(
      'dead_letters',
      elementsOf(topics).map((topic) => ({ step, topic })),
    );
    return [];
  },
};

/** Timers run when the schedule says so. Everything else of time and I/O is left alone: the kit has none here. */
const NOT_FAKED = [
  'nextTick',
  'setImmediate',
  'clearImmediate',
  'queueMicrotask',
  'setInterval',
  'clearInterval',
  'performance',
  'hrtime',
  'Date',
] as const;

/**
 * Runs the pair's steps through the kit over a store in memory, `numRuns` times, each time in another order of their
 * statements, with other batches, redeliveries and lost connections; checks the books after each commit and the rest at
 * the end. A pause of the kit ends when the schedule says so.
 * @throws Error with the first schedule that broke something
 */
export async function checkInMemory(
  pair: MemoryPair,
  run: { readonly seed: number; readonly numRuns: number },
): Promise<Seen> {
  jest.useFakeTimers({ doNotFake: [...NOT_FAKED] });
  // The jitter of a back-off decides who wakes first, which is the schedule's to decide.
  const random = jest.spyOn(Math, 'random').mockReturnValue(0.5);
  const statements = statementBook({ ...pair.statements, ...KIT });
  const seen = { schedules: 0, waits: 0, races: 0, deadlocks: 0, crashes: 0 };
  try {
    const property = fc.asyncProperty(
      fc.scheduler(),
      scenarios({ others: 1, crashes: 2 }),
      async (scheduler, scenario) => {
        const schedule = new MemorySchedule(pair, statements, scheduler, scenario);
        await schedule.run();
        seen.schedules += 1;
        seen.waits += schedule.database.waits;
        seen.deadlocks += schedule.database.deadlocks;
        seen.races += schedule.noticed.filter((kind) => kind === 'lost-race').length;
        seen.crashes += schedule.noticed.filter((kind) => kind === 'retry').length;
      },
    );
    await checkSchedules(property, run);
  } finally {
    random.mockRestore();
    jest.useRealTimers();
  }
  return seen;
}

/** One schedule: a database, the consumers of a scenario and the order in which their statements run. */
class MemorySchedule {
  readonly #pair: MemoryPair;
  readonly #scenario: Scenario;
  readonly #scheduler: fc.Scheduler;
  readonly #pool: MemoryPool;
  readonly database: MemoryDatabase;
  readonly noticed: string[] = [];
  #fault: Error | null = null;
  #running = 0;
  #isFree = false;
  #timeMayPass = false;

  constructor(pair: MemoryPair, statements: StatementBook, scheduler: fc.Scheduler, scenario: Scenario) {
    this.#pair = pair;
    this.#scenario = scenario;
    this.#scheduler = scheduler;
    const turn = (label: string) =>
      this.#isFree ? Promise.resolve() : scheduler.schedule(Promise.resolve(), label);
    const tables = { outbox: { rows: [] }, dead_letters: { rows: [] }, ...pair.tables };
    this.database = new MemoryDatabase(tables, turn, (changes) => this.#check(changes));
    this.#pool = new MemoryPool({
      database: this.database,
      statements,
      crashes: scenario.crashes,
      turn,
      onFault: (fault) => (this.#fault ??= fault),
    });
  }

  /** @throws ScheduleBroken */
  async run(): Promise<void> {
    try {
      await this.#deliver(this.#scenario);
      const rows = this.database.rows();
      const broken = brokenAtRest(this.#pair, this.#scenario, rows, this.noticed);
      if (broken) throw new Error(broken);
      this.#isFree = true;
      await this.#deliver(redelivery(this.#scenario));
      if (JSON.stringify(this.database.rows()) !== JSON.stringify(rows))
        throw new Error('delivering all of it again changed something');
    } catch (error) {
      const how = error instanceof Error ? error.message : String(error);
      const steps = this.#scheduler.report().map(({ label }) => label);
      throw new ScheduleBroken(this.#pair.name, how, this.#scenario, steps);
    }
  }

  async #deliver(scenario: Scenario): Promise<void> {
    this.#running = scenario.work.length;
    startConsumers(this.#pair, scenario, (name) => this.#pool.of(name), {
      notice: (what) => void this.noticed.push(what),
      done: (error) => {
        this.#running -= 1;
        if (error) this.#fault ??= error;
      },
    });
    await settled();
    while (this.#running > 0 || this.#scheduler.count() > 0) {
      this.#letTimePass();
      if (this.#scheduler.count() > 0) await this.#scheduler.waitNext(1);
      else if (!this.#isFree) throw new Error('nobody goes on, and nobody waits for time to pass');
      await settled();
      if (this.#fault !== null) throw this.#fault;
    }
  }

  /** Who pauses comes back at some point of the schedule. Each connection in use has one timer of its own: the kit's time-out for an answer. */
  #letTimePass(): void {
    if (this.#timeMayPass || jest.getTimerCount() <= this.#pool.taken) return;
    this.#timeMayPass = true;
    void this.#scheduler.schedule(Promise.resolve(), 'time passes').then(() => {
      this.#timeMayPass = false;
      jest.advanceTimersToNextTimer();
    });
  }

  #check(changes: readonly MemoryChange[]): void {
    if (changes.length === 0) return;
    const tables = this.database.rows();
    const { fences, broken, refusedRightly } = this.#pair;
    const how = broken(tables);
    if (how) this.#fault ??= new Error(`after a commit ${how}`);
    for (const { table, before, after } of changes) {
      if (table !== fences) continue;
      const orderId = after['order_id'] as number;
      if (before?.['status'] === 'undone' && after['status'] !== 'undone')
        this.#fault ??= new Error(`order ${orderId} holds something after it was undone`);
      if (before === null && after['status'] === 'rejected' && !refusedRightly(tables, orderId))
        this.#fault ??= new Error(`order ${orderId} was refused what was there`);
    }
  }
}

/** Everything that goes on by itself has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
