import { describe, expect, it } from '@jest/globals';
import type { MemoryRow } from '@orderflow/testing/memory-database';
import { elementsOf, type Statement } from '@orderflow/testing/memory-pool';
import { checkInMemory, type MemoryPair } from '@orderflow/testing/memory-schedules';
import { runSeed } from '@orderflow/testing/seed';
import { consumerOf, isShortFor, reservationPair, SUPPLY } from './reservation-pair.test.ts';
import { reserveStock } from './reserve-stock.ts';

const SCHEDULES = 20_000;
const TIMEOUT_MS = 240_000;

/** Past jest, which frames it: the figures are what this suite is run for. */
const say = (text: string) => process.stdout.write(`  ${text}\n`);

const idsOf = (value: unknown) => elementsOf(value).map(Number);

function among(column: string, value: unknown): (row: MemoryRow) => boolean {
  const ids = idsOf(value);
  return (row) => ids.includes(row[column] as number);
}

const fence = ({ order_id, status, attempt, items }: MemoryRow) => ({
  orderId: order_id,
  status,
  attempt,
  items,
});
const stock = ({ product_id, quantity }: MemoryRow) => ({ productId: product_id, quantity });
const priced = (row: MemoryRow) => ({ ...stock(row), status: 'ON_SALE', price: 1000n });

const LOCK_STOCKS = `SELECT s.product_id AS "productId", p.status, p.price, s.quantity
  FROM product_stocks s JOIN products p ON p.id = s.product_id
  WHERE s.product_id = ANY ($1::bigint[]) ORDER BY s.product_id FOR NO KEY UPDATE OF s`;
const READ_FENCES = `SELECT order_id AS "orderId", status, attempt, items
  FROM stock_reservations WHERE order_id = ANY ($1::bigint[])`;
const LOCK_FENCES = `${READ_FENCES} ORDER BY order_id FOR NO KEY UPDATE`;
const LOCK_QUANTITIES = `SELECT product_id AS "productId", quantity FROM product_stocks
  WHERE product_id = ANY ($1::bigint[]) ORDER BY product_id FOR NO KEY UPDATE`;
const CHANGE_STOCKS = `UPDATE product_stocks s SET quantity = s.quantity + d.delta, updated_at = now()
  FROM unnest($1::bigint[], $2::bigint[]) d (product_id, delta) WHERE s.product_id = d.product_id`;
const INSERT_FENCES = `INSERT INTO stock_reservations (order_id, status, items)
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::jsonb[])`;
const UNDO_FENCES = `UPDATE stock_reservations r SET status = 'undone', attempt = u.attempt, updated_at = now()
  FROM unnest($1::bigint[], $2::int[]) u (order_id, attempt) WHERE r.order_id = u.order_id`;
const INSERT_TOMBSTONES = `INSERT INTO stock_reservations (order_id, status, attempt)
  SELECT order_id, 'undone', attempt FROM unnest($1::bigint[], $2::int[]) t (order_id, attempt)`;

const reservations = (orderIds: unknown, statuses: unknown, items: unknown): MemoryRow[] => {
  const status = elementsOf(statuses);
  const lines = elementsOf(items);
  return idsOf(orderIds).map((order_id, index) => ({
    order_id,
    status: status[index],
    attempt: 0,
    items: JSON.parse(lines[index] ?? 'null'),
  }));
};

const tombstones = (orderIds: unknown, attempts: unknown): MemoryRow[] => {
  const attempt = idsOf(attempts);
  return idsOf(orderIds).map((order_id, index) => ({
    order_id,
    status: 'undone',
    attempt: attempt[index],
    items: null,
  }));
};

/** What the statements of both steps mean. */
const STATEMENTS: Readonly<Record<string, Statement>> = {
  [LOCK_STOCKS]: async (tx, [ids]) =>
    (await tx.lock('product_stocks', among('product_id', ids), 'product_id')).map(priced),
  [READ_FENCES]: (tx, [ids]) => tx.select('stock_reservations', among('order_id', ids)).map(fence),
  [LOCK_FENCES]: async (tx, [ids]) =>
    (await tx.lock('stock_reservations', among('order_id', ids), 'order_id')).map(fence),
  [LOCK_QUANTITIES]: async (tx, [ids]) =>
    (await tx.lock('product_stocks', among('product_id', ids), 'product_id')).map(stock),
  async [CHANGE_STOCKS](tx, [ids, deltas]) {
    const delta = new Map(idsOf(ids).map((id, index) => [id, idsOf(deltas)[index] ?? 0]));
    await tx.update('product_stocks', among('product_id', ids), (row) => ({
      ...row,
      quantity: (row['quantity'] as number) + (delta.get(row['product_id'] as number) ?? 0),
    }));
    return [];
  },
  async [INSERT_FENCES](tx, [ids, statuses, items]) {
    await tx.insert('stock_reservations', reservations(ids, statuses, items));
    return [];
  },
  async [UNDO_FENCES](tx, [ids, attempts]) {
    const attempt = new Map(idsOf(ids).map((id, index) => [id, idsOf(attempts)[index]]));
    await tx.update('stock_reservations', among('order_id', ids), (row) => ({
      ...row,
      status: 'undone',
      attempt: attempt.get(row['order_id'] as number),
    }));
    return [];
  },
  async [INSERT_TOMBSTONES](tx, [ids, attempts]) {
    await tx.insert('stock_reservations', tombstones(ids, attempts));
    return [];
  },
};

const FENCE_TABLE = {
  rows: [],
  unique: { column: 'order_id', constraint: 'stock_reservations_pkey' },
};

const pair: MemoryPair = {
  ...reservationPair,
  statements: STATEMENTS,
  tables: {
    product_stocks: {
      rows: Object.entries(SUPPLY).map(([id, quantity]) => ({ product_id: Number(id), quantity })),
      check: ({ quantity }) => (quantity as number) >= 0,
    },
    stock_reservations: FENCE_TABLE,
  },
  refusedRightly: isShortFor,
};

const seed = runSeed();

describe(`product.reserve and product.release in any order of their statements (ORDERFLOW_SEED=${seed})`, () => {
  it(
    'keep every reservation exact and answer each order once, through races, redeliveries and lost connections',
    async () => {
      const started = performance.now();
      const seen = await checkInMemory(pair, { seed, numRuns: SCHEDULES });
      const { schedules, waits, races, deadlocks, crashes } = seen;
      say(
        `${schedules.toLocaleString('en')} schedules in ${((performance.now() - started) / 1000).toFixed(1)} s: ` +
          `${waits} waits for a lock, ${races} lost races, ${crashes} lost connections, ${deadlocks} deadlocks`,
      );
      expect(schedules).toBe(SCHEDULES);
      expect(deadlocks).toBe(0);
      for (const count of [waits, races, crashes]) expect(count).toBeGreaterThan(SCHEDULES / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'lose nothing to a deadlock, were the stocks locked in the order in which orders name them',
    async () => {
      const unsorted: Statement = async (tx, [ids]) => {
        const rows: MemoryRow[] = [];
        for (const id of idsOf(ids)) {
          const [row] = await tx.lock('product_stocks', ({ product_id }) => product_id === id, 'product_id');
          if (row) rows.push(row);
          await tx.giveWay();
        }
        return rows.map(priced);
      };
      const statements = { ...STATEMENTS, [LOCK_STOCKS]: unsorted };
      const { deadlocks } = await checkInMemory({ ...pair, statements }, { seed, numRuns: 1_000 });
      expect(deadlocks).toBeGreaterThan(5);
    },
    TIMEOUT_MS,
  );
});

interface Mutant {
  readonly guard: string;
  readonly mutant: MemoryPair;
  readonly breaks: RegExp;
}

const withStatements = (statements: Readonly<Record<string, Statement>>): MemoryPair => ({
  ...pair,
  statements: { ...STATEMENTS, ...statements },
});

const mutants: readonly Mutant[] = [
  {
    guard: 'the unique key of the fence',
    mutant: { ...pair, tables: { ...pair.tables, stock_reservations: { rows: [] } } },
    breaks: /product \d|has 2 rows|was sent twice/,
  },
  {
    guard: 'a plain insert of the fence (ON CONFLICT DO NOTHING loses one of two)',
    mutant: withStatements({
      async [INSERT_FENCES](tx, [ids, statuses, items]) {
        await tx.insert('stock_reservations', reservations(ids, statuses, items), 'do-nothing');
        return [];
      },
      async [INSERT_TOMBSTONES](tx, [ids, attempts]) {
        await tx.insert('stock_reservations', tombstones(ids, attempts), 'do-nothing');
        return [];
      },
    }),
    breaks: /product \d|was sent twice|was cancelled and is/,
  },
  {
    guard: 'the name of the fence’s key, by which a lost race is known',
    mutant: { ...pair, forward: consumerOf({ ...reserveStock, fences: [] }) },
    breaks: /constraint was violated|was parked/,
  },
  {
    guard: 'the tombstone',
    mutant: withStatements({ [INSERT_TOMBSTONES]: () => [] }),
    breaks: /was cancelled and is|has 0 rows|was sent twice/,
  },
  {
    guard: 'the lock on the stock',
    mutant: withStatements({
      [LOCK_STOCKS]: (tx, [ids]) => tx.select('product_stocks', among('product_id', ids)).map(priced),
    }),
    breaks: /constraint was violated|was refused what was there/,
  },
  {
    guard: 'the lock on the fence that an undo works on',
    mutant: withStatements({
      [LOCK_FENCES]: (tx, [ids]) => tx.select('stock_reservations', among('order_id', ids)).map(fence),
    }),
    // Two undos of one order: the counter grows twice, both answer, or the older attempt overwrites the newer.
    breaks: /product \d|was sent twice|in attempt \d, its row says/,
  },
];

describe('each guard of the stock is needed: without it some schedule breaks a promise', () => {
  it.each(mutants)(
    '$guard',
    async ({ guard, mutant, breaks }) => {
      const found = await checkInMemory(mutant, { seed, numRuns: 5_000 }).then(
        () => 'nothing broke',
        (error: unknown) => (error as Error).message,
      );
      const [how, ...lines] = found.split('\n');
      say(`without ${guard}: ${how ?? ''}`);
      for (const line of lines.filter((text) => !text.startsWith('    '))) say(line);
      expect(how).toMatch(breaks);
    },
    TIMEOUT_MS,
  );
});
