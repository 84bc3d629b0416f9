import pg from 'pg';
import type { Arm, BenchBackends, RunningArm, ShopSize } from '../arm.ts';
import { lastOrderId, outcomeOf, paidAtOf, verifyBooks, type Books } from './baseline-books.ts';
import { createDatabase, seed } from './baseline-databases.ts';
import { naive } from './naive.ts';
import { runningRequests, startBaseline } from './baseline-process.ts';

/** What Orderflow is compared with. */
export const BASELINES: readonly Arm[] = [
  monolith('monolith-pg', 'one process, one database, an order is one transaction of nine round trips'),
  monolith('monolith-cte', 'the same rows as one statement an order: the bound of a commit an order'),
  monolith('monolith-prisma', 'the same rows through an interactive transaction of Prisma 7'),
  naive,
];

function monolith(name: string, what: string): Arm {
  return { name, what, start: (backends, shop) => startMonolith(name, backends, shop) };
}

async function startMonolith(name: string, backends: BenchBackends, shop: ShopSize): Promise<RunningArm> {
  const databaseUrl = await createDatabase(backends.postgresUrl, `bench_${name.replaceAll('-', '_')}`);
  await seed(databaseUrl, shop, ['products', 'coupons', 'balances']);
  const port = backends.armPort;
  const running = await startBaseline(backends, { name, program: name, port, databaseUrl });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  const books: Books = { order: pool, product: pool, coupon: pool, balance: pool, payment: pool };
  return {
    url: `http://127.0.0.1:${port}`,
    processes: [{ name, pid: running.pid }],
    // An order is over when its row is there.
    openOrders: () => runningRequests(port),
    outcome: (afterId) => outcomeOf(books, afterId),
    lastOrderId: () => lastOrderId(books),
    paidAt: (afterId) => paidAtOf(books, afterId),
    verify: () => verifyBooks(books, shop),
    async stop() {
      await running.stop();
      await pool.end();
    },
  };
}
