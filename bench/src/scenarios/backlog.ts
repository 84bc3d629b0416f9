import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openLagReader } from '@orderflow/local/reconcile/rest';
import { cpuOf } from '../accounting/cpu.ts';
import type { ShopSize } from '../arm.ts';
import { ours, type OursOptions, type RunningOurs } from '../arms/ours.ts';
import { queryAt } from '../arms/ours-shop.ts';
import type { StartedBackends } from '../backends.ts';
import { runWrk } from '../load/wrk.ts';
import type { BacklogRun } from '../result.ts';
import { endAtRest, type Report } from './at-rest.ts';
import { ensureBacklog, releaseBacklog } from './backlog-template.ts';

export interface BacklogLoad {
  /** Orders that wait, and as few as do not count as a backlog. */
  readonly orders: number;
  readonly few: number;
  readonly place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;
  readonly shop: ShopSize;
}

/** No deadline of these is reached while a million orders are worked off. */
const ENV = {
  ORDER_MAX_OPEN: '10000000',
  ORDER_DEADLINE_MS: '2592000000',
  ORDER_MAX_AGE_MS: '2592000000',
};
const DEADLINES = 'ORDER_MAX_OPEN 10,000,000; ORDER_DEADLINE_MS and ORDER_MAX_AGE_MS 30 days';

/** Code is warm after it, in both drains alike. */
const WARM_UP = { connections: 256, seconds: 8 };
const WARM_UP_LIMIT_MS = 120_000;
/** Below so many orders a second it is given up. */
const SLOWEST = 250;
/** Counting open orders reads the whole table, 0.2 s for a million: they are looked at every ten seconds, few every one. */
const LOOK_MS_AN_ORDER = 0.01;
const LOOK_MS = 1_000;
const SCRIPT = join(import.meta.dirname, '..', '..', 'lua', 'orders.lua');

/**
 * What an order costs that waits among `orders` unpublished ones, and among `few`. Both backlogs are worked off to the
 * last message: a window would count stages that run ahead for orders that end after it.
 * @throws Error when an order is cancelled, the books are wrong, or it takes too long
 */
export async function measureBacklog(
  load: BacklogLoad,
  backends: StartedBackends,
  report: Report,
): Promise<BacklogRun> {
  const withoutBacklog = await drainBacklog(load.few, load, backends, report);
  const backlog = await drainBacklog(load.orders, load, backends, report);
  return { orders: load.orders, deadlines: DEADLINES, ...backlog, withoutBacklog };
}

type Drained = BacklogRun['withoutBacklog'];

async function drainBacklog(
  orders: number,
  { place, shop }: BacklogLoad,
  backends: StartedBackends,
  report: Report,
): Promise<Drained> {
  const orderTemplate = await ensureBacklog(backends, { root: place.root, orders, lines: 1, shop }, report);
  const arm = await ours({ ...place, name: 'ours', what: '', env: ENV, orderTemplate }).start(backends, shop);
  try {
    await warmUp(arm, backends, orders, shop);
    report(`backlog: ${orders} orders are published and worked off`);
    const counted = [...backends.processes, ...arm.processes];
    const before = cpuOf(counted);
    const releasedAt = Date.now();
    await releaseBacklog(arm.databases.order);
    await untilOver(arm, backends, orders, report);
    const cpuMs = [...cpuOf(counted)].reduce((sum, [name, ms]) => sum + ms - (before.get(name) ?? 0), 0);
    await endAtRest(arm);
    const { lastPaidAt, cancelled } = await endOf(arm, orders);
    if (cancelled > 0) throw new Error(`${cancelled} orders of the backlog were cancelled`);
    return {
      ordersPerSecond: (orders / (lastPaidAt - releasedAt)) * 1000,
      cpuMsPerOrder: cpuMs / orders,
    };
  } finally {
    await arm.stop();
  }
}

/** New orders while the backlog lies there; theirs are the ids above it. */
async function warmUp(
  arm: RunningOurs,
  backends: StartedBackends,
  backlog: number,
  { products }: ShopSize,
): Promise<void> {
  const words = [backends.userTokens.file(), products, 0, 'warm-up', 0].map(String);
  await runWrk({ ...WARM_UP, url: arm.url, script: SCRIPT, words });
  const startedAt = performance.now();
  const text = `SELECT count(*)::int AS open FROM orders WHERE id > $1 AND status <> 'PAID'`;
  for (;;) {
    const [row] = await queryAt<{ open: number }>(arm.databases.order, text, [backlog]);
    if (row?.open === 0) return;
    if (performance.now() - startedAt > WARM_UP_LIMIT_MS)
      throw new Error(`${row?.open} orders of the warm-up are not paid`);
    await pause(200);
  }
}

/** Every order is over, and every event read: daily sales are counted after the payment. */
async function untilOver(
  arm: RunningOurs,
  { brokers }: StartedBackends,
  orders: number,
  report: Report,
): Promise<void> {
  const lookMs = Math.max(LOOK_MS, orders * LOOK_MS_AN_ORDER);
  const limitMs = 60_000 + (orders / SLOWEST) * 1000;
  const startedAt = performance.now();
  const lag = openLagReader(brokers);
  try {
    for (;;) {
      const open = await arm.openOrders();
      if (open === 0 && (await lag.read()).length === 0) return;
      if (performance.now() - startedAt > limitMs) throw new Error(`${open} orders are still open`);
      report(`backlog: ${orders - open} of ${orders} orders are over`);
      await pause(lookMs);
    }
  } finally {
    await lag.close();
  }
}

async function endOf(
  { databases }: RunningOurs,
  orders: number,
): Promise<{ lastPaidAt: number; cancelled: number }> {
  const [row] = await queryAt<{ lastPaidAt: number; cancelled: number }>(
    databases.order,
    `SELECT (extract(epoch FROM max(pg_xact_commit_timestamp(xmin))) * 1000)::float8 AS "lastPaidAt",
            (count(*) FILTER (WHERE status = 'CANCELLED'))::int AS cancelled
       FROM orders WHERE id <= $1`,
    [orders],
  );
  if (!row) throw new Error('the orders of the backlog are gone');
  return row;
}
