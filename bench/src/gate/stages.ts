import type { ServiceName } from '@orderflow/local/ports';
import type { LagReader } from '@orderflow/local/reconcile/rest';
import { waitUntil } from '@orderflow/testing/wait-until';
import type pg from 'pg';
import { readServiceCounters } from '../accounting/service-metrics.ts';
import type { RunningOurs } from '../arms/ours.ts';
import { queryAt } from '../arms/ours-shop.ts';

/** As many as a step takes in one batch at most. */
export const ORDERS = 1_000;

/** One step and what lies ready for it. */
export interface Stage {
  readonly name: string;
  readonly service: ServiceName;
  readonly step: string;
  readonly messages: number;
}

/**
 * The steps of a paid order, one after the other: each finds all its messages in its topics when its service starts.
 * Left to themselves they would run side by side, in batches whose sizes depend on the machine. `order.advance` comes
 * twice: which of its topics fill a batch is chance, and only the last one has it publish.
 */
export const STAGES: readonly Stage[] = [
  stage('product', 'product.reserve', ORDERS),
  stage('coupon', 'coupon.apply', ORDERS),
  stage('user-balance', 'user-balance.charge', ORDERS),
  stage('order', 'order.advance', 3 * ORDERS, 'order.advance to CHARGED'),
  stage('payment', 'payment.pay', ORDERS),
  stage('order', 'order.advance', ORDERS, 'order.advance to PAID'),
  stage('product', 'product.count-sales', ORDERS),
];

function stage(service: ServiceName, step: string, messages: number, name = step): Stage {
  return { name, service, step, messages };
}

/** What a stage has taken, from the start of its service until all it was to do is done and published. */
export interface StageCounts {
  readonly name: string;
  readonly batches: number;
  readonly statementsPerBatch: number;
  readonly walBytesPerMessage: number;
  readonly produceRequests: number;
  readonly offsetCommitRequests: number;
}

export interface Counting {
  readonly arm: RunningOurs;
  readonly admin: pg.Client;
  readonly lag: LagReader;
  /** Statements that the services run by the clock: not counted. */
  readonly clockwork: ReadonlySet<string>;
}

/** Not even one transaction a message takes as long: the counts tell of it, not a time-out. */
const STAGE_LIMIT_MS = 60_000;

/** Lets the step's service run until what lies ready is worked off. @throws Error when it does not come to rest */
export async function countStage(
  { name, service, step, messages }: Stage,
  metricsUrl: string,
  { arm, admin, lag, clockwork }: Counting,
): Promise<StageCounts> {
  const [callsBefore, walBefore] = [await readCalls(admin), await readWalEnd(admin)];
  await arm.startService(service);
  const atRest = async () => {
    const behind = await lag.read();
    return behind.every((one) => one.step !== step) && (await outboxIsEmpty(arm, service));
  };
  await waitUntil(atRest, { what: `${name} at rest`, timeoutMs: STAGE_LIMIT_MS, intervalMs: 200 });
  const { steps, kafkaRequests } = await readServiceCounters([metricsUrl]);
  await arm.stopService(service);
  const batches = steps.get(step)?.batches ?? 0;
  const statements = [...(await readCalls(admin))]
    .filter(([statement]) => !clockwork.has(statement))
    .reduce((sum, [statement, calls]) => sum + calls - (callsBefore.get(statement) ?? 0), 0);
  return {
    name,
    batches,
    statementsPerBatch: statements / batches,
    walBytesPerMessage: ((await readWalEnd(admin)) - walBefore) / messages,
    produceRequests: kafkaRequests.get('relay Produce') ?? 0,
    offsetCommitRequests: kafkaRequests.get(`${step} OffsetCommit`) ?? 0,
  };
}

export async function outboxIsEmpty(arm: RunningOurs, service: ServiceName): Promise<boolean> {
  return (await queryAt(arm.databases[service], 'SELECT FROM outbox LIMIT 1')).length === 0;
}

/** How often each statement of the services' own roles was run. */
export async function readCalls(admin: pg.Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await admin.query<{ statement: string; calls: number }>(
    `SELECT s.dbid || '/' || s.queryid AS statement, sum(s.calls)::float8 AS calls
       FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
      WHERE r.rolname LIKE '%\\_app' GROUP BY 1`,
  );
  return new Map(rows.map(({ statement, calls }) => [statement, calls]));
}

/** Bytes that were ever written to the log. */
async function readWalEnd(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ bytes: number }>(
    `SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS bytes`,
  );
  return rows[0]?.bytes ?? 0;
}
