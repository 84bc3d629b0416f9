import type { BacklogRun, BenchResult, CouponRun, LimitRun, StopRun } from '../result.ts';
import { figure, whole } from './figures.ts';

function idleLine({ cpuPercent, byProcess, seconds }: NonNullable<BenchResult['idle']>): string {
  const parts = Object.entries(byProcess)
    .toSorted(([, a], [, b]) => b - a)
    .map(([process, percent]) => `${process} ${figure(percent)}`);
  return `No orders for ${whole(seconds)} s: ${figure(cpuPercent)} % of a core (${parts.join(', ')}).`;
}

function couponLine({ name, issuedPerSecond, requestsPerSecond, p50Ms, p99Ms }: CouponRun): string {
  const latency = `p50 ${figure(p50Ms)} ms, p99 ${figure(p99Ms)} ms`;
  return `First-come coupons, ${name}: ${whole(issuedPerSecond)} issued a second of ${whole(requestsPerSecond)} requests; ${latency}.`;
}

function backlogLine({
  orders,
  deadlines,
  ordersPerSecond,
  cpuMsPerOrder,
  withoutBacklog,
}: BacklogRun): string {
  const without = `${whole(withoutBacklog.ordersPerSecond)} orders/s, ${figure(withoutBacklog.cpuMsPerOrder)} CPU-ms`;
  return `Backlog of ${whole(orders)} orders: ${whole(ordersPerSecond)} orders/s, ${figure(cpuMsPerOrder)} CPU-ms an order; with hardly any: ${without}. Deadlines: ${deadlines}.`;
}

function stopLine(run: StopRun): string {
  const drain = `${whole(run.drainPerSecond)} a second until the queue was empty after ${figure(run.drainSeconds)} s`;
  return `Service ${run.service} stopped for ${whole(run.stoppedSeconds)} s at ${whole(run.offeredPerSecond)} orders/s: then ${drain}; ${whole(run.timedOut)} timed out. Deadlines: ${run.deadlines}.`;
}

function limitLine({ name, arm, freePerSecond, limitedPerSecond, cpu }: LimitRun): string {
  const computed =
    cpu === undefined
      ? ''
      : `; it took ${figure(cpu.share * 100)} %, for which its cost at the peak says ${whole(cpu.computedPerSecond)}`;
  return `${arm}, ${name}: ${whole(limitedPerSecond)} orders/s (without: ${whole(freePerSecond)})${computed}.`;
}

/** A sentence for each scenario that was run. */
export function scenarioLines({ idle, coupons, backlog, stop, limits = [] }: BenchResult): string[] {
  return [
    ...(idle ? [idleLine(idle)] : []),
    ...coupons.map(couponLine),
    ...(backlog ? [backlogLine(backlog)] : []),
    ...(stop ? [stopLine(stop)] : []),
    ...limits.map(limitLine),
  ];
}
