import type { Throughput } from '../measure.ts';
import type { BenchResult, CouponRun, LatencyRun, Percentiles } from '../result.ts';

/** A round of ours with 2,400 orders/s, 0.7 CPU-ms and 0.04 fsyncs an order. */
export function sampleRound(part: Partial<Throughput> = {}): Throughput {
  return {
    orders: 24_000,
    ordersPerSecond: 2400,
    spanMs: 10_000,
    cpuMs: { order: 0.28, postgres: 0.19, kafka: 0.03, product: 0.06, coupon: 0.04, payment: 0.05 },
    cpuMsPerOrder: 0.65,
    generatorCpuMsPerOrder: 0.02,
    foreignPercent: 3.456,
    fsyncsPerOrder: 0.04,
    walBytesPerOrder: 7177.25,
    commitsPerOrder: 0.045,
    statementsPerOrder: 0.21,
    ack: { p50Ms: 71.8, p99Ms: 172.25 },
    refused: 0,
    openAtEnd: 12,
    memoryMb: { order: 210, postgres: 300 },
    kafkaRequestsPerOrder: { 'relay Produce': 0.05, 'relay Metadata': 0.0001 },
    steps: {
      'product.reserve': { batches: 10, messages: 1000, sizes: { '64': 10 } },
      'order.advance': { batches: 30, messages: 6000, sizes: { '128': 30 } },
    },
    ...part,
  };
}

/** Rounds that differ in their rates. */
export const sampleRounds = (rates: readonly number[], part: Partial<Throughput> = {}): Throughput[] =>
  rates.map((ordersPerSecond) => sampleRound({ ordersPerSecond, ...part }));

export function samplePercentiles(p50Ms: number, p99Ms: number): Percentiles {
  return { n: 600, p50Ms, p90Ms: (p50Ms + p99Ms) / 2, p99Ms, maxMs: p99Ms * 1.5 };
}

export function sampleLatency(name: string, rate: number, paid: Percentiles): LatencyRun {
  return {
    name,
    arm: 'ours',
    rate,
    seconds: 60,
    ack: samplePercentiles(5, 12),
    paid,
    failed: 0,
    generatorCpuPercent: 2.5,
    cpuPercent: 66.04,
  };
}

export const sampleCoupons = (name: CouponRun['name'], issuedPerSecond: number): CouponRun => ({
  name,
  issuedPerSecond,
  requestsPerSecond: issuedPerSecond * 2,
  p50Ms: 24,
  p99Ms: 61,
});

/** A run in which nothing was measured yet. */
export const emptyResult: BenchResult = {
  startedAt: '2026-11-22T10:30:12.345Z',
  seconds: 3720.4,
  quick: false,
  rounds: 3,
  commit: '26942f6',
  machine: { cpu: 'AMD EPYC', cores: 2, memoryGb: 23.5, os: 'Debian 13' },
  versions: { Node: '20.20.2', PostgreSQL: '18.4', Kafka: '4.4.0' },
  settings: { fsync: 'on', synchronous_commit: 'on', acks: 'all', connections: '256' },
  entries: {},
  throughput: {},
  latency: [],
  coupons: [],
};

/** A run with everything in it; each goal is reached, most of them with their aim. */
export const sampleResult: BenchResult = {
  ...emptyResult,
  entries: {
    ours: 'the product as shipped',
    'ours-gateway': 'the same through the gateway',
    'monolith-pg': 'one process, one transaction | nine round trips, order_events in one row',
    'without-coalescing': 'one transaction a request',
  },
  throughput: {
    ours: sampleRounds([2400, 2200, 2600]),
    'ours-gateway': sampleRounds([1800, 1700, 1900]),
    'ours-two-instances': sampleRounds([2390, 2200, 2580]),
    'ours-hot-product': sampleRounds([2380, 2190, 2600]),
    'ours-refused': sampleRounds([2500, 2300, 2650]),
    'monolith-pg': sampleRounds([1200, 1000, 1500], {
      cpuMsPerOrder: 1.293,
      cpuMs: { monolith: 0.8, postgres: 0.493 },
    }),
    'monolith-cte': sampleRounds([3200, 3100, 4000]),
    'monolith-prisma': sampleRounds([290, 270, 310]),
    naive: sampleRounds([60, 52, 66], { cpuMsPerOrder: 22.6 }),
    'without-coalescing': sampleRounds([420, 400, 440], { cpuMsPerOrder: 1.9 }),
    'with-inbox': sampleRounds([2000, 1900, 2100], { cpuMsPerOrder: 0.81 }),
  },
  latency: [
    sampleLatency('idle', 1, samplePercentiles(24, 48)),
    sampleLatency('half-monolith', 600, samplePercentiles(55, 105)),
    sampleLatency('half-peak', 1200, samplePercentiles(79, 199)),
  ],
  idle: { cpuPercent: 3.5, byProcess: { kafka: 1.5, order: 2 }, seconds: 60 },
  coupons: [sampleCoupons('ours', 8000), sampleCoupons('row-lock', 900)],
  backlog: {
    orders: 1_000_000,
    deadlines: 'ORDER_DEADLINE_MS=3600000',
    ordersPerSecond: 3100.5,
    cpuMsPerOrder: 0.66,
    withoutBacklog: { ordersPerSecond: 3300, cpuMsPerOrder: 0.6 },
  },
  stop: {
    service: 'payment',
    stoppedSeconds: 60,
    offeredPerSecond: 1200,
    drainPerSecond: 3100,
    drainSeconds: 38.2,
    deadlines: 'the defaults',
    timedOut: 0,
  },
  limits: [
    {
      name: 'payment with 5 % of a core',
      arm: 'ours',
      freePerSecond: 2400,
      limitedPerSecond: 570.4,
      cpu: { share: 0.062, computedPerSecond: 590.2 },
    },
    { name: 'each flush of the log 50 ms slower', arm: 'ours', freePerSecond: 2400, limitedPerSecond: 1900 },
  ],
  floor: { parts: { 'intake of a batch': 90, 'one send': 17.5, 'one fetch': 12.5 }, cpuMsPerOrder: 0.12 },
};
