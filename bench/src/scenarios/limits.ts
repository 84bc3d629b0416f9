import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { RunningArm } from '../arm.ts';
import type { StartedBackends } from '../backends.ts';
import { couponsOf } from '../load/order-requests.ts';
import { measureThroughput, type Load, type Throughput } from '../measure.ts';
import type { LimitRun } from '../result.ts';
import { PRODUCTS } from '../shop.ts';
import { endAtRest, type Report } from './at-rest.ts';

/** What is made so scarce that it decides how many orders a second there are. */
export type Limit =
  /** One process may run for this part of the time. By timers: on a busy machine somewhat more or less. */
  | { readonly kind: 'cpu'; readonly process: string; readonly share: number }
  /** Every flush of the database's log takes so much longer, as on a slow disk. */
  | { readonly kind: 'flush'; readonly delayMs: number };

function nameOf(limit: Limit): string {
  return limit.kind === 'cpu'
    ? `${limit.process} with ${Math.round(limit.share * 100)} % of a core`
    : `each flush of the log ${limit.delayMs} ms slower`;
}

const SECONDS = 8;

/**
 * Loads an arm at its peak, then once more under a limit.
 * @param arm a warm one
 * @throws Error when orders are not over within two minutes, or the books are wrong
 */
export async function measureLimit(
  limit: Limit,
  arm: RunningArm,
  armName: string,
  backends: StartedBackends,
  report: Report,
): Promise<LimitRun> {
  const load = { connections: 256, seconds: SECONDS, products: PRODUCTS, refusedPercent: 0 };
  const run = (part: Pick<Load, 'run' | 'firstCoupon'>) =>
    measureThroughput(arm, backends, { ...load, ...part });
  const free = await run({ run: 'limit-free', firstCoupon: 1 });
  report(`limits: ${armName}, ${nameOf(limit)}`);
  const limited = await underLimit(limit, arm, backends.admin, () =>
    run({ run: 'limit', firstCoupon: couponsOf(free.orders + load.connections) + 1 }),
  );
  await endAtRest(arm);
  return {
    name: nameOf(limit),
    arm: armName,
    freePerSecond: free.ordersPerSecond,
    limitedPerSecond: limited.ordersPerSecond,
    ...(limit.kind === 'cpu' && { cpu: modelOf(limit.process, free, limited) }),
  };
}

/** What the cost at the peak says of a process that has only the share of a core that it then took. */
function modelOf(process: string, free: Throughput, limited: Throughput): NonNullable<LimitRun['cpu']> {
  const cost = (of: Throughput) => of.cpuMs[process] ?? Number.NaN;
  const share = (cost(limited) * limited.orders) / limited.spanMs;
  return { share, computedPerSecond: (share * 1000) / cost(free) };
}

function underLimit<Result>(
  limit: Limit,
  arm: RunningArm,
  admin: pg.Client,
  work: () => Promise<Result>,
): Promise<Result> {
  if (limit.kind === 'flush') return withSlowFlush(admin, limit.delayMs, work);
  const limited = arm.processes.find(({ name }) => name === limit.process);
  if (!limited) throw new Error(`no process ${limit.process}`);
  return withCpuShare(limited.pid, limit.share, work);
}

/** Of it a process runs for its share and stands still for the rest: short enough for nobody to take it for gone. */
const PERIOD_MS = 100;

async function withCpuShare<Result>(
  pid: number,
  share: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const over = new AbortController();
  const limiting = (async () => {
    while (!over.signal.aborted) {
      process.kill(pid, 'SIGSTOP');
      await pause(PERIOD_MS * (1 - share));
      process.kill(pid, 'SIGCONT');
      await pause(PERIOD_MS * share);
    }
  })();
  // A process that has ended cannot be limited; the work fails by itself then.
  limiting.catch(() => undefined);
  try {
    return await work();
  } finally {
    over.abort();
    await limiting.catch(() => undefined);
  }
}

async function withSlowFlush<Result>(
  admin: pg.Client,
  delayMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  await admin.query(`ALTER SYSTEM SET commit_delay = ${delayMs * 1000}`);
  await admin.query('ALTER SYSTEM SET commit_siblings = 0');
  await admin.query('SELECT pg_reload_conf()');
  try {
    return await work();
  } finally {
    await admin.query('ALTER SYSTEM RESET commit_delay');
    await admin.query('ALTER SYSTEM RESET commit_siblings');
    await admin.query('SELECT pg_reload_conf()');
  }
}
