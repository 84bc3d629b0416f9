import type { Message } from '@orderflow/shared-events/envelope';
import type fc from 'fast-check';
import type { Pool } from 'pg';
import type { TestDelivery } from './events.ts';
import type { ConnectionPool } from './watched-pool.ts';

/** A step under the four laws. Everything is handed in: this package knows neither the kit nor any step. */
export interface LawSubject {
  /** The step's name. */
  readonly name: string;
  /** Connections of the app role, as the service opens them. */
  readonly pool: Pool;
  /** Connections of the owner: puts rows there and looks at them. */
  readonly owner: Pool;
  /** Runs the step over a batch in one transaction of the given pool. */
  readonly deliver: (pool: ConnectionPool, batch: readonly TestDelivery[]) => Promise<unknown>;
  /** Inserts what the step finds; ids are given, never generated. Tables are empty before. */
  readonly seed: (owner: Pool) => Promise<unknown>;
  /** Batches whose events collide a lot: few orders, products, coupons, users. */
  readonly batches: fc.Arbitrary<readonly TestDelivery[]>;
  /** `size` events, 200 at most, all of which have the same kind of effect on what `seed` and `seedMany` inserted. */
  readonly effective: (size: number) => readonly TestDelivery[];
  /** Inserts besides what `effective` needs; left out elsewhere, where each row costs time in each of many runs. */
  readonly seedMany?: (owner: Pool) => Promise<unknown>;
  /** What was sent, when it is not in `outbox.messages`. */
  readonly sent?: (owner: Pool) => Promise<readonly Message[]>;
}

/** The rows and messages of a database. */
export interface Outcome {
  /** JSON texts of the rows of all tables but the outbox, sorted. */
  readonly rows: readonly string[];
  /** `topic key id value` of each message in the outbox, sorted. */
  readonly sent: readonly string[];
}

const NOT_COMPARED = ['outbox', '_prisma_migrations'];

interface Shape {
  readonly tables: readonly string[];
  /** `table.column` whose values Postgres generates. */
  readonly generated: ReadonlySet<string>;
}

const shapes = new WeakMap<Pool, Promise<Shape>>();

/** Empties all tables and seeds them. DELETE in one statement: TRUNCATE costs ten times as much on small tables. */
export async function reset({ owner, seed }: LawSubject): Promise<void> {
  const { tables } = await shapeOf(owner);
  const deletes = [...tables, 'outbox'].map((table, index) => `d${index} AS (DELETE FROM "${table}")`);
  await owner.query(`WITH ${deletes.join(', ')} SELECT 1`);
  await seed(owner);
}

/**
 * What stands in the database, to the last detail: `xmin` tells of a row that was written again with the same values.
 */
export async function exactOutcome(subject: LawSubject): Promise<Outcome> {
  const rows = await readRows(subject.owner, `|| jsonb_build_object('xmin', t.xmin::text)`);
  const sent = await readSent(subject);
  return {
    rows: rows.map(({ table, row }) => `${table} ${JSON.stringify(row)}`).sort(),
    sent: sent.map((message) => `${describe(message)} ${message.value}`).sort(),
  };
}

/** What stands in the database apart from generated ids and write times. */
export async function lastingOutcome(subject: LawSubject, startedAt: number): Promise<Outcome> {
  const { generated } = await shapeOf(subject.owner);
  const rows = await readRows(subject.owner, '');
  const sent = await readSent(subject);
  const lasting = ({ table, row }: TableRow) =>
    Object.fromEntries(Object.entries(row).filter(([column]) => !generated.has(`${table}.${column}`)));
  return {
    rows: rows
      .map((entry) => `${entry.table} ${withoutTimes(JSON.stringify(lasting(entry)), startedAt)}`)
      .sort(),
    sent: sent.map((message) => `${describe(message)} ${withoutTimes(message.value, startedAt)}`).sort(),
  };
}

function describe({ topic, key, headers }: Message): string {
  return `${topic} ${key} ${headers['ce_id'] ?? ''}`;
}

/** Times since the test began are the writer's own clock; older ones come from seeds and events and are compared. */
function withoutTimes(text: string, startedAt: number): string {
  return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (time) =>
    Date.parse(time) >= startedAt - 1000 ? 'written' : time,
  );
}

interface TableRow {
  readonly table: string;
  readonly row: Readonly<Record<string, unknown>>;
}

async function readRows(owner: Pool, extra: string): Promise<TableRow[]> {
  const { tables } = await shapeOf(owner);
  const selects = tables.map(
    (table) => `SELECT '${table}' AS "table", to_jsonb(t) ${extra} AS row FROM "${table}" t`,
  );
  const { rows } = await owner.query<TableRow>(selects.join(' UNION ALL '));
  return rows;
}

async function readSent({ owner, sent }: LawSubject): Promise<readonly Message[]> {
  if (sent) return sent(owner);
  const { rows } = await owner.query<{ messages: string }>('SELECT messages FROM outbox');
  return rows.flatMap(({ messages }) => JSON.parse(messages) as Message[]);
}

function shapeOf(owner: Pool): Promise<Shape> {
  const known = shapes.get(owner) ?? readShape(owner);
  shapes.set(owner, known);
  return known;
}

async function readShape(owner: Pool): Promise<Shape> {
  const tables = await owner.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1) ORDER BY 1`,
    [NOT_COMPARED],
  );
  const columns = await owner.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND is_identity = 'YES'`,
  );
  return {
    tables: tables.rows.map(({ name }) => name),
    generated: new Set(columns.rows.map(({ name }) => name)),
  };
}
