import kafkajs from 'kafkajs';
import { STEP_TOPICS } from '@orderflow/shared-events/catalog';
import { SERVICE_NAMES } from '../ports.ts';
import type { Books } from './books.ts';

// Node finds only some of this CommonJS package's names for a named import.
const { Kafka, logLevel } = kafkajs;

/** How far a step is behind its topics, in messages. */
export interface Lag {
  readonly step: string;
  readonly messages: number;
}

/** Reads the lag of every step; steps that are up to date are left out. */
export interface LagReader {
  read(): Promise<readonly Lag[]>;
  close(): Promise<void>;
}

/** Asks the broker how far each step's committed offsets are. `read` rejects when no broker answers in time. */
export function openLagReader(brokers: readonly string[]): LagReader {
  const admin = new Kafka({
    clientId: 'reconcile',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    retry: { retries: 3, initialRetryTime: 200 },
  }).admin();
  const topics = [...new Set(Object.values(STEP_TOPICS).flat())];
  const readEnds = async () => {
    const ends = new Map<string, ReadonlyMap<number, { high: bigint; low: bigint }>>();
    for (const topic of topics) {
      const partitions = await admin.fetchTopicOffsets(topic);
      const entries = partitions.map(
        ({ partition, high, low }) => [partition, { high: BigInt(high), low: BigInt(low) }] as const,
      );
      ends.set(topic, new Map(entries));
    }
    return ends;
  };
  return {
    async read() {
      await admin.connect();
      const ends = await readEnds();
      const lags: Lag[] = [];
      for (const [step, stepTopics] of Object.entries(STEP_TOPICS)) {
        let messages = 0n;
        const committed = await admin.fetchOffsets({ groupId: step, topics: [...stepTopics] });
        for (const { topic, partitions } of committed) {
          for (const { partition, offset } of partitions) {
            const end = ends.get(topic)?.get(partition);
            // No committed offset yet, or one whose messages are gone by age: what is left is still to be read.
            if (end) messages += end.high - (BigInt(offset) < end.low ? end.low : BigInt(offset));
          }
        }
        if (messages > 0n) lags.push({ step, messages: Number(messages) });
      }
      return lags;
    },
    close: () => admin.disconnect(),
  };
}

/** The newest row of every order's history: while it stands still, no order moves. */
export async function readHead(books: Books): Promise<number> {
  const [row] = await books.query<{ head: number }>(
    'order',
    'SELECT coalesce(max(id), 0) AS head FROM order_events',
  );
  return row?.head ?? 0;
}

/** What stands in the way of rest in the databases, in words; empty at rest. */
export async function readUnrest(books: Books): Promise<string[]> {
  const open = await books.query<{ status: string; count: number }>(
    'order',
    `SELECT status, count(*) AS count FROM orders WHERE status NOT IN ('PAID', 'CANCELLED') GROUP BY 1 ORDER BY 1`,
  );
  const unrest = open.map(({ status, count }) => `${count} orders are ${status}`);
  for (const service of SERVICE_NAMES) {
    const [row] = await books.query<{ count: number }>(service, 'SELECT count(*) AS count FROM outbox');
    if (row && row.count > 0) unrest.push(`${service} has ${row.count} commits to publish`);
  }
  return unrest;
}
