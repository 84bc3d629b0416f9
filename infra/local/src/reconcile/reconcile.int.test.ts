import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '@orderflow/testing/database';
import pg from 'pg';
import { SERVICE_NAMES, type ServiceName } from '../ports.ts';
import { openBooks, type Books } from './books.ts';
import { EXACT_EVENTS, exactTopics } from './exact-topics.test.ts';
import { INVARIANT_IDS, type InvariantResult } from './invariants.ts';
import { checkBooks, reconcileSources, type Sources } from './reconcile.ts';

/** The sections of a file beside this one: the words of each head line, and the statements below it. */
function sections(file: string): ReadonlyArray<{ head: readonly string[]; sql: string }> {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const [, ...blocks] = text.split(/^-- (?=I\d+ \||database: )/m);
  return blocks.map((block) => {
    const [head = '', ...sql] = block.split('\n');
    return { head: head.replace('database: ', '').split(' | '), sql: sql.join('\n') };
  });
}

interface PlantedViolation {
  readonly invariant: string;
  readonly database: ServiceName | 'kafka';
  readonly title: string;
  readonly subject: string;
  readonly problem: string;
  readonly sql: string;
}

const PLANTED_VIOLATIONS = sections('planted-violations.sql').map(({ head, sql }): PlantedViolation => {
  const [invariant, database, title, subject, problem] = head as [
    string,
    PlantedViolation['database'],
    string,
    string,
    string,
  ];
  return { invariant, database, title, subject, problem, sql };
});

const databases = new Map<ServiceName, TestDatabase>();
const noLag = { read: () => Promise.resolve([]) };
let books: Books;

const sources = (changes: Partial<Sources> = {}): Sources => ({
  books,
  lag: noLag,
  topics: exactTopics(),
  ...changes,
});
const atOnce = { waitMs: 0 };

function urls(which: 'url' | 'ownerUrl'): Record<ServiceName, string> {
  return Object.fromEntries(SERVICE_NAMES.map((name) => [name, databases.get(name)![which]])) as Record<
    ServiceName,
    string
  >;
}

async function write(service: ServiceName, sql: string): Promise<void> {
  const client = new pg.Client(databases.get(service)!.ownerUrl);
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

/** What is found while books and topics say what `sql` makes of them; they are left as they were. No letter may be open. */
async function findPlanted({
  database,
  sql,
}: Pick<PlantedViolation, 'database' | 'sql'>): Promise<readonly InvariantResult[]> {
  if (database === 'kafka') return checkBooks({ books, topics: exactTopics(sql) }, 0);
  const owner = await openBooks(urls('ownerUrl'));
  try {
    await owner.query(database, `BEGIN READ WRITE; ${sql}`);
    return await checkBooks({ books: owner, topics: exactTopics() }, 0);
  } finally {
    await owner.close();
  }
}

const broken = (results: readonly InvariantResult[]) => results.filter(({ violations }) => violations > 0);

beforeAll(async () => {
  for (const service of SERVICE_NAMES) {
    const migrations = fileURLToPath(
      new URL(`../../../../services/${service}/prisma/migrations`, import.meta.url),
    );
    const database = await createTestDatabase({ name: service.replaceAll('-', '_'), migrations });
    databases.set(service, database);
    const exact = sections('exact-books.sql').find(({ head }) => head[0] === service);
    await write(service, exact!.sql);
  }
  books = await openBooks(urls('url'));
}, 120_000);

afterAll(async () => {
  await books.close();
  for (const database of databases.values()) await database.drop();
});

describe('the reconciliation', () => {
  it('finds nothing in exact books, and says what it looked at', async () => {
    const result = await reconcileSources(sources(), atOnce);
    expect(result).toMatchObject({ kind: 'checked', ok: true, orders: 5, deadLetters: {} });
    const results = result.kind === 'checked' ? result.invariants : [];
    expect(broken(results)).toEqual([]);
    expect(results.map(({ id, checked, unit }) => `${id} ${checked} ${unit}`)).toEqual([
      'I1 2 balances',
      'I2 2 products',
      'I3 1 coupon sources',
      'I4 5 orders',
      'I5 2 PAID orders',
      'I6 3 CANCELLED orders',
      'I7 3 sums',
      `I8 ${EXACT_EVENTS} events`,
      'I9 5 stored answers',
      'I10 2 products and days',
    ]);
  });

  it.each(PLANTED_VIOLATIONS)('finds $title ($invariant)', async (planted) => {
    const results = await findPlanted(planted);
    const found = broken(results).find(({ id }) => id === planted.invariant)?.examples ?? [];
    expect(found.map(({ subject, problem }) => [subject, problem])).toContainEqual([
      planted.subject,
      expect.stringContaining(planted.problem),
    ]);
  });

  it('has a planted violation for every invariant', () => {
    expect(new Set(PLANTED_VIOLATIONS.map(({ invariant }) => invariant))).toEqual(new Set(INVARIANT_IDS));
  });

  it('shows 20 offending rows and counts them all', async () => {
    const sql = `
      INSERT INTO users (name) SELECT 'Eve' FROM generate_series(1, 30);
      INSERT INTO balances (user_id, amount) SELECT id, 1 FROM users WHERE name = 'Eve'`;
    const results = await findPlanted({ database: 'user-balance', sql });
    const balances = results.find(({ id }) => id === 'I1');
    expect(balances?.violations).toBe(30);
    expect(balances?.examples).toHaveLength(20);
    expect(balances?.examples[0]).toMatchObject({
      rows: { 'user-balance': { balance: '1.00', records: '0.00' } },
    });
  });

  it('counts open dead letters, and calls them violations only against a number that was expected', async () => {
    const sql = `
      INSERT INTO dead_letters (step, topic, partition, "offset", headers, reason, error, closed_at) VALUES
        ('product.reserve', 'order-created', 0, 1, '{}', 'SCHEMA', '', NULL),
        ('product.reserve', 'order-created', 0, 2, '{}', 'SCHEMA', '', now())`;
    await write('product', sql);
    const reconciled = (deadLetters?: number) => reconcileSources(sources(), { ...atOnce, deadLetters });
    const letters = { step: 'product.reserve', topic: 'order-created', reason: 'SCHEMA', count: 1 };
    const found = { problem: '1 are open and 3 were expected', rows: { product: [letters] } };
    try {
      expect(await reconciled()).toMatchObject({ ok: true, deadLetters: { product: 1 } });
      expect(await reconciled(1)).toMatchObject({ ok: true });
      const short = await reconciled(3);
      expect(short).toMatchObject({ ok: false });
      expect(broken(short.kind === 'checked' ? short.invariants : [])).toMatchObject([
        { id: 'I11', checked: 1, violations: 2, examples: [found] },
      ]);
    } finally {
      await write('product', 'DELETE FROM dead_letters');
    }
  });
});

describe('rest', () => {
  it.each([
    [
      'an open order',
      'order',
      `INSERT INTO orders (id, user_id) VALUES (50, 1)`,
      'DELETE FROM orders WHERE id = 50',
      '1 orders are CREATED',
    ],
    [
      'an unpublished commit',
      'payment',
      `INSERT INTO outbox (messages) VALUES ('[]')`,
      'DELETE FROM outbox',
      'payment has 1 commits to publish',
    ],
  ] as const)('is not reached with %s', async (_title, service, sql, undo, waitingFor) => {
    await write(service, sql);
    try {
      expect(await reconcileSources(sources(), atOnce)).toEqual({
        kind: 'not-at-rest',
        waitingFor: [waitingFor],
      });
    } finally {
      await write(service, undo);
    }
  });

  it('is not reached while a step has messages to read', async () => {
    const lag = { read: () => Promise.resolve([{ step: 'product.count-sales', messages: 3 }]) };
    expect(await reconcileSources(sources({ lag }), atOnce)).toEqual({
      kind: 'not-at-rest',
      waitingFor: ['product.count-sales has 3 messages to read'],
    });
  });

  it('is asked for again when an order moved while the books were being frozen', async () => {
    let reads = 0;
    const movesOnce = {
      read: async () => {
        reads += 1;
        if (reads === 1) {
          await write(
            'order',
            `INSERT INTO order_events (order_id, type, snapshot) VALUES (10, 'STOCK_RESERVED', '{}')`,
          );
        }
        return [];
      },
    };
    expect(await reconcileSources(sources({ lag: movesOnce }), { waitMs: 10_000 })).toMatchObject({
      kind: 'checked',
      ok: true,
    });
    expect(reads).toBe(2);
  });

  it('frozen books do not see what is written afterwards', async () => {
    await books.freeze();
    try {
      await write('user-balance', 'UPDATE balances SET amount = amount + 1 WHERE user_id = 2');
      expect(broken(await checkBooks(sources()))).toEqual([]);
    } finally {
      await books.thaw();
    }
    expect(broken(await checkBooks(sources())).map(({ id }) => id)).toEqual(['I1']);
    await write('user-balance', 'UPDATE balances SET amount = amount - 1 WHERE user_id = 2');
  });
});
