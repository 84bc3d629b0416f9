import type { KitMetrics } from './kit-metrics.ts';
import { onlyRow } from './outbox.ts';
import { transaction, type ConnectionPool } from './postgres.ts';

/** What is still to be published, and how publishing goes. */
export interface OutboxStatus extends OutboxBacklog {
  /** Messages a second that the broker acknowledged to this process, over the last minute. */
  readonly publishedPerSecond: number;
  /** Since when sends have failed without a success in between; null while they work. */
  readonly failingSince: Date | null;
}

export interface OutboxBacklog {
  /** Commits whose messages the broker has not acknowledged; counted up to 100,000. */
  readonly pendingRows: number;
  /** Age of the oldest of them; null when there is none. */
  readonly oldestAgeSeconds: number | null;
}

/** Counting further would cost an operator's look more than it tells. */
const COUNTED_MAX = 100_000;

/** Reads the backlog of the table `outbox`, all instances' rows together. */
export async function readOutboxBacklog(pool: ConnectionPool): Promise<OutboxBacklog> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<OutboxBacklog>(
      `SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT ${COUNTED_MAX}) o) AS "pendingRows",
              (SELECT greatest(0, extract(epoch FROM now() - created_at))::float8 FROM outbox ORDER BY id LIMIT 1)
                AS "oldestAgeSeconds"`,
    );
    return onlyRow(rows);
  });
}

const WINDOW_SECONDS = 60;

/** The same metrics, with the rate at which messages are published kept beside them. */
export function meterPublished(
  metrics: KitMetrics,
  now: () => number = Date.now,
): { readonly metrics: KitMetrics; perSecond(): number } {
  const started = now();
  const buckets = new Map<number, number>();
  const secondOf = (time: number) => Math.floor(time / 1_000);
  return {
    metrics: {
      ...metrics,
      count(name, labels, by = 1) {
        metrics.count(name, labels, by);
        if (name !== 'outbox_published_total') return;
        const second = secondOf(now());
        buckets.set(second, (buckets.get(second) ?? 0) + by);
        for (const old of buckets.keys()) if (old <= second - WINDOW_SECONDS) buckets.delete(old);
      },
    },
    perSecond() {
      const second = secondOf(now());
      let sum = 0;
      for (const [at, count] of buckets) if (at > second - WINDOW_SECONDS) sum += count;
      return sum / Math.min(WINDOW_SECONDS, Math.max(1, (now() - started) / 1_000));
    },
  };
}
