import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import { openLagReader } from '@orderflow/local/reconcile/rest';
import { waitUntil } from '@orderflow/testing/wait-until';
import type pg from 'pg';
import { readPostgresCounters } from '../accounting/postgres-counters.ts';
import { readServiceCounters } from '../accounting/service-metrics.ts';
import type { ShopSize } from '../arm.ts';
import { ours, type OursOptions, type RunningOurs } from '../arms/ours.ts';
import { queryAt } from '../arms/ours-shop.ts';
import { startBackends, type StartedBackends } from '../backends.ts';
import { ensureBacklog, releaseBacklog } from '../scenarios/backlog-template.ts';
import { countStage, ORDERS, outboxIsEmpty, readCalls, STAGES, type StageCounts } from './stages.ts';

/** Each order has a user and a product of its own, so that none shares another one's rows. */
const SHOP: ShopSize = { users: ORDERS, products: ORDERS, stock: 1_000_000, coupons: 0 };

/** No order is late, however slow the machine is. */
const ENV = { ORDER_DEADLINE_MS: '2592000000', ORDER_MAX_AGE_MS: '2592000000' };

/** Topics of a paid order. */
const TOPICS = [
  'order-created',
  'stock-reserved',
  'coupon-applied',
  'balance-charged',
  'payment-completed',
  'order-paid',
];

/** Longer than the slowest of the services' clocks that tick in so short a run: saga totals, every 5 s. */
const REST_MS = 5_500;

export interface GateOptions extends Pick<OursOptions, 'root' | 'ports'> {
  /** An empty folder for data and logs. */
  readonly dir: string;
  readonly kafkaLibs: string;
  /** Of each order. */
  readonly lines: number;
}

export interface OrderCounts {
  /** By what is counted, with its unit. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of the books' invariants, one line each. */
  readonly violations: readonly string[];
}

/**
 * Counts what 1,000 orders take that lie ready in the topic, from `order-created` until their sales are counted. The
 * speed of the machine moves none of it. Servers and services are its own, and have ended when it resolves or rejects.
 * @throws Error when one does not start or a step does not come to rest
 */
export async function countOrders({ dir, kafkaLibs, root, ports, lines }: GateOptions): Promise<OrderCounts> {
  // Only baselines listen there, and none runs here.
  const armPort = 0;
  const backends = await startBackends({ dir, kafkaLibs, ports, armPort, users: SHOP.users });
  try {
    await silenceClockwork(backends.admin);
    const orderTemplate = await ensureBacklog(
      backends,
      { root, orders: ORDERS, lines, shop: SHOP },
      () => undefined,
    );
    const options = { root, ports, name: 'ours', what: '', stateDir: dir, orderTemplate, env: ENV };
    const arm = await ours(options).start(backends, SHOP);
    try {
      const counts = await countRun(arm, backends, (service) => ports[`${service}-internal`]);
      const violations = await arm.verify();
      return { counts: { ...counts, ...eventBytes(dir) }, violations };
    } finally {
      await arm.stop();
    }
  } finally {
    await backends.stop();
  }
}

/** Keeps out what Postgres writes by the clock; images of pages depend on when the last checkpoint was. */
async function silenceClockwork(admin: pg.Client): Promise<void> {
  for (const setting of ['full_page_writes = off', 'autovacuum = off', `wal_writer_delay = '10s'`]) {
    await admin.query(`ALTER SYSTEM SET ${setting}`);
  }
  await admin.query('SELECT pg_reload_conf()');
}

async function countRun(
  arm: RunningOurs,
  backends: StartedBackends,
  internalPort: (service: (typeof SERVICE_NAMES)[number]) => number,
): Promise<Record<string, number>> {
  const { admin, brokers } = backends;
  const clockwork = await statementsAtRest(admin, arm);
  await publishOrders(arm);
  const before = await readTotals(admin, arm);
  const lag = openLagReader(brokers);
  const stages: StageCounts[] = [];
  try {
    for (const stage of STAGES) {
      const metricsUrl = `http://127.0.0.1:${internalPort(stage.service)}/metrics`;
      stages.push(await countStage(stage, metricsUrl, { arm, admin, lag, clockwork }));
    }
  } finally {
    await lag.close();
  }
  const after = await readTotals(admin, arm);
  const sum = (count: (stage: StageCounts) => number) => stages.reduce((all, stage) => all + count(stage), 0);
  return {
    batches: sum(({ batches }) => batches),
    'transactions that write': after.transactions - before.transactions,
    fsyncs: after.fsyncs - before.fsyncs,
    'outbox rows': after.outboxRows - before.outboxRows,
    'Produce requests': sum(({ produceRequests }) => produceRequests),
    'OffsetCommit requests': sum(({ offsetCommitRequests }) => offsetCommitRequests),
    ...byName(stages, ({ name, statementsPerBatch }) => [`${name}: statements a batch`, statementsPerBatch]),
    ...byName(stages, ({ name, walBytesPerMessage }) => [`${name}: WAL bytes a message`, walBytesPerMessage]),
  };
}

function byName<Item>(
  items: readonly Item[],
  entry: (item: Item) => [string, number],
): Record<string, number> {
  return Object.fromEntries(items.map(entry));
}

/** What the services ask their databases without any order: by the clock, and when their metrics are read. */
async function statementsAtRest(admin: pg.Client, arm: RunningOurs): Promise<ReadonlySet<string>> {
  await readServiceCounters(arm.metricsUrls ?? []);
  await pause(REST_MS);
  return new Set((await readCalls(admin)).keys());
}

/** Leaves all orders in their first topic, and no service running. */
async function publishOrders(arm: RunningOurs): Promise<void> {
  const others = SERVICE_NAMES.filter((service) => service !== 'order');
  await Promise.all(others.map((service) => arm.stopService(service)));
  await releaseBacklog(arm.databases.order);
  await waitUntil(() => outboxIsEmpty(arm, 'order'), { what: 'every order published' });
  await arm.stopService('order');
}

interface Totals {
  /** Those without writes take no number and are not among them. */
  readonly transactions: number;
  readonly fsyncs: number;
  readonly outboxRows: number;
}

/** A session tells what it has counted ten seconds late, or when it ends: no service may run. */
async function readTotals(admin: pg.Client, { databases }: RunningOurs): Promise<Totals> {
  const sessions = `SELECT FROM pg_stat_activity WHERE usename LIKE '%\\_app'`;
  const ended = async () => (await admin.query(sessions)).rowCount === 0;
  await waitUntil(ended, { what: "the end of the services' sessions" });
  const { rows } = await admin.query<{ next: number }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS next',
  );
  const text = `SELECT n_tup_ins::float8 AS count FROM pg_stat_user_tables WHERE relname = 'outbox'`;
  const inserted = await Promise.all(
    Object.values(databases).map((url) => queryAt<{ count: number }>(url, text)),
  );
  const { walFsyncs, tableFsyncs } = await readPostgresCounters(admin);
  return {
    transactions: rows[0]?.next ?? 0,
    fsyncs: walFsyncs + tableFsyncs,
    outboxRows: inserted.flat().reduce((sum, { count }) => sum + count, 0),
  };
}

/** A record with its headers and its share of the frame around its batch, read from the broker's own files. */
function eventBytes(dir: string): Record<string, number> {
  const data = join(dir, 'kafka', 'data');
  const folders = readdirSync(data);
  const bytes = (topic: string) =>
    folders
      .filter((folder) => folder.replace(/-\d+$/, '') === topic)
      .reduce((sum, folder) => sum + statSync(join(data, folder, FIRST_SEGMENT)).size, 0);
  return byName(TOPICS, (topic) => [`${topic}: bytes an event`, bytes(topic) / ORDERS]);
}

/** Of a partition's log; the next one would begin after a gigabyte. */
const FIRST_SEGMENT = '00000000000000000000.log';
