import pg from 'pg';
import type { BenchBackends, CountedProcess } from '../arm.ts';
import { createDatabase } from './baseline-databases.ts';
import { startBaseline } from './baseline-process.ts';

const NAME = 'row-lock-coupons';

/** The coupon service that Orderflow's is compared with: coupon source 1 has `quantity` coupons of 1.00. */
export interface RowLockCoupons {
  /** POST /v1/coupon-sources/1/coupons is answered here. */
  readonly url: string;
  /** Superuser's. */
  readonly databaseUrl: string;
  readonly processes: readonly CountedProcess[];
  /** Coupons that users have got so far. */
  issued(): Promise<number>;
  /** One line for each violation. */
  verify(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startRowLockCoupons(
  backends: BenchBackends,
  { quantity }: { readonly quantity: number },
): Promise<RowLockCoupons> {
  const databaseUrl = await createDatabase(backends.postgresUrl, 'bench_row_lock_coupons');
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  await pool.query(
    `INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity) VALUES ('Race', 1, $1, $1)`,
    [quantity],
  );
  await pool.query('ANALYZE');
  const port = backends.armPort;
  const running = await startBaseline(backends, { name: NAME, program: NAME, port, databaseUrl });
  return {
    url: `http://127.0.0.1:${port}`,
    databaseUrl,
    processes: [{ name: NAME, pid: running.pid }],
    issued: async () => (await readRace(pool)).coupons,
    verify: async () => violationsOf(await readRace(pool)),
    async stop() {
      await running.stop();
      await pool.end();
    },
  };
}

interface Race {
  readonly initial: number;
  readonly left: number;
  readonly coupons: number;
}

async function readRace(pool: pg.Pool): Promise<Race> {
  const { rows } = await pool.query<Race>(
    `SELECT initial_quantity AS initial, quantity AS left,
            (SELECT count(*) FROM coupons WHERE coupon_source_id = 1)::int AS coupons
     FROM coupon_sources WHERE id = 1`,
  );
  return (rows as [Race])[0];
}

/** That nothing is below zero and nobody has two, the tables' own constraints see to. */
function violationsOf({ initial, left, coupons }: Race): string[] {
  return left + coupons === initial ? [] : [`${coupons} coupons issued and ${left} left of ${initial}`];
}
