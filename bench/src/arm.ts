/** A process whose CPU time and memory are counted; children (Postgres' backends) count with it. */
export interface CountedProcess {
  readonly name: string;
  readonly pid: number;
}

/** The backends that all arms share, and the issuer whose tokens every arm checks. */
export interface BenchBackends {
  /** The superuser's URL of the database `postgres`. */
  readonly postgresUrl: string;
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly redisUrl: string;
  /** `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE` for a process that checks tokens. */
  readonly tokens: Readonly<Record<'JWKS_URL' | 'JWT_ISSUER' | 'JWT_AUDIENCE', string>>;
  /** First of 60 ports in a row that arms may listen on. */
  readonly armPort: number;
  /** Where logs of processes go. */
  readonly logDir: string;
}

/**
 * What stands in every shop, whichever arm sells: users 1…users with a balance of 1,000,000.00 each, products
 * 1…products at 10.00 with `stock` pieces each, and coupons of 1.00: coupon c belongs to user (c − 1) % users + 1.
 */
export interface ShopSize {
  readonly users: number;
  readonly products: number;
  readonly stock: number;
  readonly coupons: number;
}

/** What became of the orders that an arm has accepted since its start. */
export interface Outcome {
  readonly paid: number;
  readonly cancelled: number;
  /** From the first accepted order's row to the last PAID commit, ms, by the database's clock. */
  readonly spanMs: number;
}

/** An arm of the comparison that runs. */
export interface RunningArm {
  /** POST /v1/orders and GET /readyz are answered here. */
  readonly url: string;
  /** Its own processes; the backends are counted besides. */
  readonly processes: readonly CountedProcess[];
  /** Where its processes tell their metrics in Prometheus' text form; none for arms that have none. */
  readonly metricsUrls?: readonly string[];
  /** Orders that are neither paid nor cancelled yet, messages under way included: 0 when it is at rest. */
  openOrders(): Promise<number>;
  /** Of the orders with an id above `afterId`. */
  outcome(afterId: number): Promise<Outcome>;
  /** The highest order id so far, 0 without orders. */
  lastOrderId(): Promise<number>;
  /**
   * For each order above `afterId` when its PAID commit happened, ms since 1970 by the database's clock (the commit's
   * own time stamp, not the transaction's start). Orders that were not paid are left out.
   */
  paidAt(afterId: number): Promise<ReadonlyMap<number, number>>;
  /** Checks every invariant of the arm's books; one line for each violation. */
  verify(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** One way of selling. */
export interface Arm {
  readonly name: string;
  /** One line for the report: what it is and what it leaves out. */
  readonly what: string;
  /** Starts it over fresh tables, seeded; resolves when it is ready. */
  start(backends: BenchBackends, shop: ShopSize): Promise<RunningArm>;
}
