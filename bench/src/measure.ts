import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuOf, machineBusyMs } from './accounting/cpu.ts';
import { residentMb } from './accounting/memory.ts';
import { readPostgresCounters, type PostgresCounters } from './accounting/postgres-counters.ts';
import { countersBetween, readServiceCounters, type StepBatches } from './accounting/service-metrics.ts';
import type { RunningArm } from './arm.ts';
import type { StartedBackends } from './backends.ts';
import { runWrk, type WrkResult } from './load/wrk.ts';

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Products that are asked for: 1 is the hot product. */
  readonly products: number;
  /** First coupon to use, 0 for none; every fourth order takes the next one. */
  readonly firstCoupon: number;
  /** Of every 100 orders so many ask for a product that does not exist. */
  readonly refusedPercent: number;
  /** Part of each idempotency key. */
  readonly run: string;
}

/** One closed-loop run, all figures per paid or cancelled order unless they say otherwise. */
export interface Throughput {
  readonly orders: number;
  readonly ordersPerSecond: number;
  /** From the first accepted order to the last commit that ended one. */
  readonly spanMs: number;
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Everything but the generator. */
  readonly cpuMsPerOrder: number;
  readonly generatorCpuMsPerOrder: number;
  /** CPU time of the machine that none of the counted processes took, in per cent of one core. */
  readonly foreignPercent: number;
  readonly fsyncsPerOrder: number;
  readonly walBytesPerOrder: number;
  readonly commitsPerOrder: number;
  /** Of the warm-up, since counting them costs time. */
  readonly statementsPerOrder: number;
  readonly ack: { readonly p50Ms: number; readonly p99Ms: number };
  readonly refused: number;
  /** Orders that were not over when the load ended. */
  readonly openAtEnd: number;
  /** Memory that each process holds at the end, MB; pages that Postgres' processes share are counted once. */
  readonly memoryMb: Readonly<Record<string, number>>;
  /** Of arms that count them: requests to Kafka by client and api, and batches by step. */
  readonly kafkaRequestsPerOrder?: Readonly<Record<string, number>>;
  readonly steps?: Readonly<Record<string, StepBatches>>;
}

/** Until the generator's last orders are over. */
const DRAIN_LIMIT_MS = 120_000;
const SCRIPT = join(import.meta.dirname, '..', 'lua', 'orders.lua');

export async function drain(arm: RunningArm, limitMs = DRAIN_LIMIT_MS): Promise<void> {
  const startedAt = performance.now();
  for (let open = await arm.openOrders(); open > 0; open = await arm.openOrders()) {
    if (performance.now() - startedAt > limitMs)
      throw new Error(`${open} orders are not over after ${limitMs / 1000} s`);
    await pause(100);
  }
}

function wrk(arm: RunningArm, backends: StartedBackends, load: Load): Promise<WrkResult> {
  const { products, firstCoupon, run, refusedPercent, connections, seconds } = load;
  const words = [backends.userTokens.file(), products, firstCoupon, run, refusedPercent].map(String);
  return runWrk({ url: arm.url, script: SCRIPT, words, connections, seconds });
}

/** Everything that is counted, at one moment. */
async function readAccounts(arm: RunningArm, { admin, processes }: StartedBackends) {
  return {
    postgres: await readPostgresCounters(admin),
    services: arm.metricsUrls ? await readServiceCounters(arm.metricsUrls) : undefined,
    busyMs: machineBusyMs(),
    cpu: cpuOf([...processes, ...arm.processes]),
    bench: process.cpuUsage(),
  };
}

type Accounts = Awaited<ReturnType<typeof readAccounts>>;

/** Sessions of Postgres report their counts up to a second late. */
const COUNTS_LATE_MS = 1_200;

/** Loads an arm for a while, waits until it is at rest, and takes account of what that cost. */
export async function measureThroughput(
  arm: RunningArm,
  backends: StartedBackends,
  load: Load,
): Promise<Throughput> {
  const afterId = await arm.lastOrderId();
  const before = await readAccounts(arm, backends);
  const startedAt = performance.now();
  const generator = await wrk(arm, backends, load);
  const openAtEnd = await arm.openOrders();
  await drain(arm);
  const wallMs = performance.now() - startedAt;
  const after = await readAccounts(arm, backends);
  await pause(COUNTS_LATE_MS);
  const postgres = await readPostgresCounters(backends.admin);
  const { paid, cancelled, spanMs } = await arm.outcome(afterId);
  const orders = paid + cancelled;
  const cpu = costs(before, after, orders);
  const foreignMs = after.busyMs - before.busyMs - cpu.cpuMsPerOrder * orders - generator.cpuMs - cpu.benchMs;
  return {
    orders,
    spanMs,
    ordersPerSecond: (orders / spanMs) * 1000,
    cpuMs: cpu.cpuMs,
    cpuMsPerOrder: cpu.cpuMsPerOrder,
    generatorCpuMsPerOrder: generator.cpuMs / orders,
    foreignPercent: (foreignMs / wallMs) * 100,
    ...postgresPerOrder(before.postgres, postgres, orders),
    ack: { p50Ms: generator.p50Ms, p99Ms: generator.p99Ms },
    refused: generator.refused,
    openAtEnd,
    memoryMb: residentMb([...backends.processes, ...arm.processes]),
    ...servicesPerOrder(before, after, orders),
  };
}

function costs(before: Accounts, after: Accounts, orders: number) {
  const cpuMs = Object.fromEntries(
    [...after.cpu].map(([name, ms]) => [name, (ms - (before.cpu.get(name) ?? 0)) / orders]),
  );
  const { user, system } = after.bench;
  return {
    cpuMs,
    cpuMsPerOrder: Object.values(cpuMs).reduce((total, ms) => total + ms, 0),
    benchMs: (user + system - before.bench.user - before.bench.system) / 1000,
  };
}

function postgresPerOrder(before: PostgresCounters, after: PostgresCounters, orders: number) {
  const grown = (name: keyof PostgresCounters) => (after[name] - before[name]) / orders;
  return {
    fsyncsPerOrder: grown('walFsyncs') + grown('tableFsyncs'),
    walBytesPerOrder: grown('walBytes'),
    commitsPerOrder: grown('commits'),
    statementsPerOrder: grown('statements'),
  };
}

function servicesPerOrder(before: Accounts, after: Accounts, orders: number): Partial<Throughput> {
  if (!before.services || !after.services) return {};
  const { kafkaRequests, steps } = countersBetween(before.services, after.services);
  const perOrder = [...kafkaRequests].map(([key, count]) => [key, count / orders] as const);
  return { kafkaRequestsPerOrder: Object.fromEntries(perOrder), steps: Object.fromEntries(steps) };
}
