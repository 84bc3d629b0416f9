import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuOf, machineBusyMs } from './accounting/cpu.ts';
import { readPostgresCounters } from './accounting/postgres-counters.ts';
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
  readonly statementsPerOrder: number;
  readonly ack: { readonly p50Ms: number; readonly p99Ms: number };
  readonly refused: number;
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

/** Loads an arm for a while, waits until it is at rest, and takes account of what that cost. */
export async function measureThroughput(
  arm: RunningArm,
  backends: StartedBackends,
  load: Load,
): Promise<Throughput> {
  const counted = [...backends.processes, ...arm.processes];
  const afterId = await arm.lastOrderId();
  const before = {
    busy: machineBusyMs(),
    cpu: cpuOf(counted),
    postgres: await readPostgresCounters(backends.admin),
    bench: process.cpuUsage(),
  };
  const startedAt = performance.now();
  const generator = await wrk(arm, backends, load);
  await drain(arm);
  const wallMs = performance.now() - startedAt;
  const after = { busy: machineBusyMs(), cpu: cpuOf(counted), bench: process.cpuUsage(before.bench) };
  // Sessions report their counts up to a second late.
  await pause(1_200);
  const postgres = await readPostgresCounters(backends.admin);
  const { paid, cancelled, spanMs } = await arm.outcome(afterId);
  const orders = paid + cancelled;
  const cpuMs = Object.fromEntries(
    [...after.cpu].map(([name, ms]) => [name, (ms - (before.cpu.get(name) ?? 0)) / orders]),
  );
  const sum = Object.values(cpuMs).reduce((total, ms) => total + ms, 0);
  const benchMs = (after.bench.user + after.bench.system) / 1000;
  return {
    orders,
    spanMs,
    ordersPerSecond: (orders / spanMs) * 1000,
    cpuMs,
    cpuMsPerOrder: sum,
    generatorCpuMsPerOrder: generator.cpuMs / orders,
    foreignPercent: ((after.busy - before.busy - sum * orders - generator.cpuMs - benchMs) / wallMs) * 100,
    fsyncsPerOrder:
      (postgres.walFsyncs + postgres.tableFsyncs - before.postgres.walFsyncs - before.postgres.tableFsyncs) /
      orders,
    walBytesPerOrder: (postgres.walBytes - before.postgres.walBytes) / orders,
    commitsPerOrder: (postgres.commits - before.postgres.commits) / orders,
    statementsPerOrder: (postgres.statements - before.postgres.statements) / orders,
    ack: { p50Ms: generator.p50Ms, p99Ms: generator.p99Ms },
    refused: generator.refused,
  };
}
