import type { Throughput } from './measure.ts';

/** Latencies of one open-loop run, ms. */
export interface Percentiles {
  readonly n: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface LatencyRun {
  /** `idle`, `half-monolith`, `half-peak`. */
  readonly name: string;
  readonly arm: string;
  /** Orders a second, evenly spaced. */
  readonly rate: number;
  readonly seconds: number;
  /** From the scheduled time of a request to its answer: waiting for a late generator counts too. */
  readonly ack: Percentiles;
  /** From the scheduled time to the commit that paid the order, by one machine's clock. */
  readonly paid: Percentiles;
  /** Scheduled, but without an answer or answered with an error. */
  readonly failed: number;
  readonly generatorCpuPercent: number;
  /** All counted processes, in per cent of one core. */
  readonly cpuPercent: number;
}

/** What each part of the pipeline costs by itself in this very run, µs of CPU an order; the computed floor is their sum. */
export interface Floor {
  readonly parts: Readonly<Record<string, number>>;
  readonly cpuMsPerOrder: number;
}

export interface CouponRun {
  readonly name: 'ours' | 'row-lock';
  readonly issuedPerSecond: number;
  /** All answers a second, the refused ones too. */
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface BacklogRun {
  readonly orders: number;
  readonly deadlines: string;
  readonly ordersPerSecond: number;
  readonly cpuMsPerOrder: number;
  /** The same drain with a backlog of a few thousand. */
  readonly withoutBacklog: { readonly ordersPerSecond: number; readonly cpuMsPerOrder: number };
}

export interface StopRun {
  readonly service: string;
  readonly stoppedSeconds: number;
  /** Orders a second that came in all the while. */
  readonly offeredPerSecond: number;
  /** Orders a second that ended from the service's return to an empty queue. */
  readonly drainPerSecond: number;
  readonly drainSeconds: number;
  readonly deadlines: string;
  readonly timedOut: number;
}

/** One resource made artificially scarce. */
export interface LimitRun {
  /** `payment with 5 % of a core`. */
  readonly name: string;
  readonly arm: string;
  /** Orders a second right before, without the limit. */
  readonly freePerSecond: number;
  readonly limitedPerSecond: number;
  /** Of limits of CPU time only. */
  readonly cpu?: {
    /** The part of a core that the process really took. */
    readonly share: number;
    /** What that share makes of the process' cost an order without the limit. */
    readonly computedPerSecond: number;
  };
}

/** Everything a run of the bench has found. What was not run is absent. */
export interface BenchResult {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** One round and fewer arms: a first look, not a result. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGb: number;
    readonly os: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  /** Postgres and Kafka settings that decide durability, and the load's. */
  readonly settings: Readonly<Record<string, string>>;
  /** What each entry of `throughput` is, for the report. */
  readonly entries: Readonly<Record<string, string>>;
  /** By entry (an arm, or an arm under a special load), one figure a round, rounds in their order. */
  readonly throughput: Readonly<Record<string, readonly Throughput[]>>;
  readonly latency: readonly LatencyRun[];
  /** CPU of the whole stack without orders, per cent of one core. */
  readonly idle?: {
    readonly cpuPercent: number;
    readonly byProcess: Readonly<Record<string, number>>;
    readonly seconds: number;
  };
  readonly coupons: readonly CouponRun[];
  readonly backlog?: BacklogRun;
  readonly stop?: StopRun;
  readonly limits?: readonly LimitRun[];
  readonly floor?: Floor;
}
