import { setTimeout as pause } from 'node:timers/promises';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { TOPICS } from '@orderflow/shared-events/catalog';
import kafkajs from 'kafkajs';

const PARTITIONS = Math.max(...TOPICS.map(({ partitions }) => partitions));
const POLL_MS = 150;
/** So many of them hit every partition, and one is found without reading thousands. */
const ORDERS_READ = 600;

const partitionOf = kafkajs.Partitioners.DefaultPartitioner();
const PARTITION_METADATA = Array.from({ length: PARTITIONS }, (_, partitionId) => ({
  partitionId,
  partitionErrorCode: 0,
  leader: 1,
  replicas: [1],
  isr: [1],
}));

/** The partition of all of an order's events, on every topic. */
function partitionOfOrder(id: string): number {
  const message = { key: id, value: null };
  return partitionOf({ topic: '', partitionMetadata: PARTITION_METADATA, message });
}

/**
 * How long it took until orders flowed again: until on every partition one that was accepted after `since` was paid.
 * Told by the rows of the orders, in milliseconds; null when it did not happen within `limitMs`.
 * @param since milliseconds since 1970
 */
export async function untilFlowing(
  stack: RunningStack,
  since: number,
  limitMs: number,
): Promise<number | null> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    const flowingAt = await flowingSince(stack, since).catch(() => null);
    if (flowingAt !== null) return Math.max(0, flowingAt - since);
    await pause(POLL_MS);
  }
  return null;
}

async function flowingSince(stack: RunningStack, since: number): Promise<number | null> {
  const rows = await stack.sql<{ id: string; paid: number }>(
    'order',
    `SELECT id, extract(epoch FROM paid_at)::float8 * 1000 AS paid
       FROM orders WHERE created_at >= to_timestamp($1) AND paid_at IS NOT NULL ORDER BY id LIMIT ${ORDERS_READ}`,
    [since / 1_000],
  );
  const first = new Map<number, number>();
  for (const { id, paid } of rows) {
    const partition = partitionOfOrder(id);
    first.set(partition, Math.min(paid, first.get(partition) ?? Infinity));
  }
  return first.size === PARTITIONS ? Math.max(...first.values()) : null;
}
