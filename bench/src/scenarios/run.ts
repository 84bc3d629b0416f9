import type { Arm, RunningArm } from '../arm.ts';
import { BASELINES } from '../arms/baselines.ts';
import { ours, type OursOptions, type RunningOurs } from '../arms/ours.ts';
import { startRowLockCoupons } from '../arms/row-lock-coupons.ts';
import type { StartedBackends } from '../backends.ts';
import { measureThroughput, type Throughput } from '../measure.ts';
import { OURS, ordersPerSecond } from '../report/entries.ts';
import { median } from '../report/statistics.ts';
import type { BacklogRun, BenchResult, CouponRun, LatencyRun, LimitRun, StopRun } from '../result.ts';
import { PRODUCTS, SHOP } from '../shop.ts';
import type { Report } from './at-rest.ts';
import { measureBacklog } from './backlog.ts';
import { measureCoupons } from './coupons.ts';
import { measureIdle } from './idle.ts';
import { measureLatency, WARM_UP_S } from './latency.ts';
import { measureLimit, type Limit } from './limits.ts';
import { couponsOf } from '../load/order-requests.ts';
import { measureStop } from './stopped-service.ts';

export interface Scenarios {
  readonly backends: StartedBackends;
  readonly place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;
  /** What the arms have reached in this run: rates under part load are halves of it. */
  readonly throughput: Readonly<Record<string, readonly Throughput[]>>;
  readonly report: Report;
}

const BACKLOG_ORDERS = 1_000_000;
const FEW_ORDERS = 30_000;
const STOPPED_S = 60;
const REST_S = 60;
/** The p99 of sixty orders would be the slowest one: one flush that the disk holds up. */
const ORDER_A_SECOND_S = 150;
const COUPON_ROUNDS = 3;
const COUPON_S = 6;
const WARM_UP = { connections: 256, seconds: 16, products: PRODUCTS, firstCoupon: 0, refusedPercent: 0 };
/** Against a monolith that was not run; the spike's slowest hour made this. */
const MONOLITH_PEAK = 1_000;

/** Half of an arm's peak of this run, a round number of orders a second. */
function halfOf(rounds: readonly Throughput[] | undefined, otherwise: number): number {
  const peak = rounds && rounds.length > 0 ? median(rounds.map(ordersPerSecond)) : otherwise;
  return Math.max(10, Math.round(peak / 20) * 10);
}

/** Latencies at half of two peaks and, once the stack has come to rest, what nobody's orders cost and one a second takes. */
export async function runLatencies(scenarios: Scenarios): Promise<Pick<BenchResult, 'latency' | 'idle'>> {
  const { backends, throughput, report } = scenarios;
  return withOurs(scenarios, 'latency', async (arm) => {
    const latency: LatencyRun[] = [];
    let firstCoupon = 1;
    const measure = async (name: LatencyRun['name'], rate: number, seconds: number) => {
      const shop = { products: PRODUCTS, firstCoupon, run: `latency-${name}` };
      latency.push(await measureLatency(arm, backends, { name, rate, seconds, arm: OURS, ...shop }, report));
      firstCoupon += couponsOf(rate * (seconds + WARM_UP_S)) + 1;
    };
    await measure('half-monolith', halfOf(throughput['monolith-pg'], MONOLITH_PEAK), 30);
    await measure('half-peak', halfOf(throughput[OURS], 2 * MONOLITH_PEAK), 30);
    const idle = await measureIdle(arm, backends, REST_S, report);
    await measure('idle', 1, ORDER_A_SECOND_S);
    return { latency, idle };
  });
}

/** One service stopped for a minute at half of the peak. */
export function stopOneService(scenarios: Scenarios): Promise<StopRun> {
  const { backends, throughput, report } = scenarios;
  const load = {
    service: 'payment',
    rate: halfOf(throughput[OURS], 2 * MONOLITH_PEAK),
    stoppedSeconds: STOPPED_S,
    deadlines: 'the defaults: ORDER_DEADLINE_MS 60 s, ORDER_MAX_AGE_MS 300 s',
    products: PRODUCTS,
    firstCoupon: 1,
    run: 'stop',
  } as const;
  return withOurs(scenarios, 'stop', (arm) => measureStop(arm, backends, load, report));
}

/** A million orders that are accepted and not published. */
export function workOffBacklog({ backends, place, report }: Scenarios): Promise<BacklogRun> {
  const load = { orders: BACKLOG_ORDERS, few: FEW_ORDERS, place, shop: SHOP };
  return measureBacklog(load, backends, report);
}

/** First-come coupons of ours and under a row lock, in turn. */
export async function raceForCoupons(scenarios: Scenarios): Promise<CouponRun[]> {
  const coupons: CouponRun[] = [];
  for (let round = 1; round <= COUPON_ROUNDS; round += 1) coupons.push(...(await raceOnce(scenarios)));
  return coupons;
}

async function raceOnce(scenarios: Scenarios): Promise<CouponRun[]> {
  const { backends, place, report } = scenarios;
  const { ports } = place;
  const own = await withOurs(scenarios, 'coupons', (arm) => {
    const shop = { url: `http://127.0.0.1:${ports.coupon}`, databaseUrl: arm.databases.coupon };
    return measureCoupons({ name: 'ours', ...shop }, backends, COUPON_S, report);
  });
  const rowLock = await startRowLockCoupons(backends, { quantity: 1 });
  try {
    const { url, databaseUrl } = rowLock;
    const theirs = await measureCoupons({ name: 'row-lock', url, databaseUrl }, backends, COUPON_S, report);
    return [own, theirs];
  } finally {
    await rowLock.stop();
  }
}

/** A slow disk stalls a monolith whose every order waits for it; the rest says whether costs can be reckoned with. */
const LIMITS: readonly { readonly limit: Limit; readonly beside?: string }[] = [
  { limit: { kind: 'cpu', process: 'order', share: 0.3 } },
  { limit: { kind: 'cpu', process: 'payment', share: 0.05 } },
  { limit: { kind: 'flush', delayMs: 50 }, beside: 'monolith-pg' },
];

/** Resources made so scarce, one at a time, that they decide the rate: what the cost model says of them is checked. */
export async function runLimits(scenarios: Scenarios): Promise<LimitRun[]> {
  const { backends, place, report } = scenarios;
  const limits: LimitRun[] = [];
  for (const { limit, beside } of LIMITS) {
    const others = BASELINES.filter(({ name }) => name === beside);
    for (const arm of [ours({ ...place, name: OURS, what: '' }), ...others]) {
      const measure = (running: RunningArm) => measureLimit(limit, running, arm.name, backends, report);
      limits.push(await withWarm(arm, 'limits', scenarios, measure));
    }
  }
  return limits;
}

/** A warm stack of ours for one scenario. */
function withOurs<Result>(
  scenarios: Scenarios,
  run: string,
  work: (arm: RunningOurs) => Promise<Result>,
): Promise<Result> {
  return withWarm(ours({ ...scenarios.place, name: OURS, what: '' }), run, scenarios, work);
}

async function withWarm<Running extends RunningArm, Result>(
  wanted: { start(...given: Parameters<Arm['start']>): Promise<Running> },
  run: string,
  { backends, report }: Scenarios,
  work: (arm: Running) => Promise<Result>,
): Promise<Result> {
  report(`${run}: starting and warming up`);
  const arm = await wanted.start(backends, SHOP);
  try {
    await measureThroughput(arm, backends, { ...WARM_UP, run: `${run}-warm-up` });
    return await work(arm);
  } finally {
    await arm.stop();
  }
}
