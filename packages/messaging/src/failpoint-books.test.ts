import { toMessage, type TestDelivery } from '@orderflow/testing/events';
import { ownName, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs from 'kafkajs';
import { BatchRunner } from './batch-runner.ts';
import { park } from './dead-letters.ts';
import { contractsOf, ordersOf, type Place } from './failpoint-story.test.ts';
import { noMetrics } from './kit-metrics.ts';
import { messageOutbox } from './outbox.ts';
import { createPoisonMeter } from './poison.ts';
import { transaction } from './postgres.ts';
import { quietLogger } from './quiet-logger.test.ts';
import type { Delivery } from './step.ts';
import { asked, asks, toyStep, type ToyDatabase } from './toy-step.test.ts';

/** What the story left, orders as 1 to 9. */
export interface Books {
  readonly orders: readonly string[];
  /** The ledger of what was taken: nothing but the kit keeps an order from standing here twice. */
  readonly takings: readonly string[];
  readonly tokensLeft: number;
  readonly deadLetters: readonly string[];
  /** What lies in the topics, repetitions left out. */
  readonly published: readonly string[];
  /** What was published more than once, and not with the same bytes. */
  readonly differing: readonly string[];
  /** Rows that are others after all was delivered again. */
  readonly changed: readonly string[];
}

/** Whatever happens to the kit at one of its failpoints. */
export const EXACT: Books = {
  orders: ['1 done', '2 done', '3 done', '4 done', '6 rejected', '7 done'],
  takings: ['1 takes 5', '2 takes 5', '3 takes 5', '4 takes 5', '7 takes 5'],
  tokensLeft: 75,
  deadLetters: ['2 REPLAYED', '5 open'],
  published: [
    ...['asked 1', 'asked 3', 'asked 4', 'asked 5', 'asked 6', 'asked 7'],
    ...['refused 6', 'taken 1', 'taken 2', 'taken 3', 'taken 4', 'taken 7'],
  ],
  differing: [],
  changed: [],
};

/** What the story begins with: tokens, a row that nobody published, a dead letter. */
export async function prepare(place: Place, { owner, pool }: ToyDatabase): Promise<void> {
  const contracts = contractsOf(place);
  const { unpublished } = ordersOf(place);
  await owner.query('INSERT INTO toy_users VALUES (1, 100)');
  await owner.query(`INSERT INTO outbox (messages, created_at) VALUES ($1, now() - interval '5 seconds')`, [
    JSON.stringify([toMessage(asked(contracts, unpublished), contracts.asked)]),
  ]);
  const letter = { message: parkedDelivery(place), reason: 'FAULT' as const, error: 'a bug, mended since' };
  await transaction(pool, (tx) => park(tx, place.step, [letter]));
}

/** Far behind the end of the topic: it was read before retention took it. */
function parkedDelivery(place: Place): TestDelivery {
  const [message] = asks(contractsOf(place), [ordersOf(place).parked]);
  return { ...message!, partition: 0, offset: '1000000' };
}

/** Waits until each order is handled or parked, everything is published, and every offset is committed. */
export async function untilQuiet(place: Place, { owner }: ToyDatabase, broker: BrokerWitness): Promise<void> {
  const unsettled = `SELECT 6 - (SELECT count(*) FROM toy_orders)
    + (SELECT count(*) FROM outbox) + abs(1 - (SELECT count(DISTINCT key) FROM dead_letters WHERE closed_at IS NULL)) AS rows`;
  const options = { timeoutMs: 60_000, intervalMs: 100 };
  await waitUntil(async () => (await owner.query<{ rows: number }>(unsettled)).rows[0]?.rows === 0, {
    ...options,
    what: `the effects after ${place.point}`,
  });
  await waitUntil(async () => (await broker.lag(place.step, [contractsOf(place).asked.topic])) === 0, {
    ...options,
    what: `the offsets after ${place.point}`,
  });
}

/** Reads the books, delivers once more all that the step was ever given, and reads again. */
export async function readBooks(
  place: Place,
  { owner, pool }: ToyDatabase,
  records: readonly Delivery[],
): Promise<Books> {
  const texts = async (query: string) =>
    (await owner.query<{ text: string }>(query, [place.ordersAfter])).rows.map(({ text }) => text);
  const { rows } = await owner.query<{ tokens: number }>('SELECT tokens FROM toy_users');
  const books = {
    orders: await texts(`SELECT order_id - $1 || ' ' || status AS text FROM toy_orders ORDER BY 1`),
    takings: await texts(`SELECT order_id - $1 || ' takes ' || tokens AS text FROM toy_takings ORDER BY 1`),
    tokensLeft: rows[0]!.tokens,
    deadLetters: await texts(
      `SELECT DISTINCT convert_from(key, 'UTF8')::bigint - $1 || ' ' || coalesce(outcome, 'open') AS text
         FROM dead_letters ORDER BY 1`,
    ),
    ...publishedOf(place, records),
  };
  const exact = () =>
    texts(
      ['toy_orders', 'toy_takings', 'toy_users', 'toy_diary', 'dead_letters', 'outbox']
        .map(
          (table) =>
            `SELECT '${table} ' || t.xmin || to_jsonb(t)::text AS text FROM ${table} t WHERE $1 >= 0`,
        )
        .join(' UNION ALL '),
    );
  const before = await exact();
  await deliverAgain(place, pool, records);
  const after = await exact();
  const missing = (rows: readonly string[], from: readonly string[]) =>
    rows.filter((row) => !from.includes(row));
  return { ...books, changed: [...missing(before, after), ...missing(after, before)] };
}

async function deliverAgain(
  place: Place,
  pool: ToyDatabase['pool'],
  records: readonly Delivery[],
): Promise<void> {
  const contracts = contractsOf(place);
  const runner = new BatchRunner({
    step: toyStep(contracts, place.step),
    pool,
    outbox: messageOutbox,
    handOver: () => undefined,
    logger: quietLogger(),
    metrics: noMetrics,
    poison: createPoisonMeter(0),
    stopping: new AbortController().signal,
  });
  const own = records.filter(({ topic }) => topic === contracts.asked.topic);
  await runner.run([...own, parkedDelivery(place)], { heartbeat: () => Promise.resolve() });
}

function publishedOf(place: Place, records: readonly Delivery[]): Pick<Books, 'published' | 'differing'> {
  const names = new Map(Object.entries(contractsOf(place)).map(([name, { topic }]) => [topic, name]));
  const bytes = new Map<string, Set<string>>();
  for (const { topic, key, value, headers } of records) {
    const order = Number(String(key)) - place.ordersAfter;
    const name = names.get(topic);
    if (name === undefined || order < 1 || order > 9) continue;
    const id = `${name} ${order}`;
    const known = bytes.get(id) ?? new Set();
    bytes.set(id, known.add(JSON.stringify([String(value), textsOf(headers)])));
  }
  return {
    published: [...bytes.keys()].sort(),
    differing: [...bytes].filter(([, variants]) => variants.size > 1).map(([id]) => id),
  };
}

const textsOf = (headers: Delivery['headers']) =>
  Object.entries(headers).map(([name, value]) => [name, String(value)]);

/** Reads whole topics, as they grow. */
export async function readTopics(broker: BrokerWitness, topics: readonly string[]) {
  const client = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = client.consumer({ groupId: ownName('reader'), maxWaitTimeInMs: 250 });
  const records: Delivery[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { topic, partition, messages } }) => {
      for (const { offset, key, value, headers = {} } of messages)
        records.push({ topic, partition, offset, key, value, headers });
    },
  });
  return {
    /** All that the topics hold by now. */
    async read(): Promise<readonly Delivery[]> {
      const ends = await Promise.all(topics.map((topic) => broker.admin.fetchTopicOffsets(topic)));
      const total = ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
      await waitUntil(() => records.length >= total, { what: `${total} records`, timeoutMs: 30_000 });
      return records;
    },
    close: () => consumer.disconnect(),
  };
}
