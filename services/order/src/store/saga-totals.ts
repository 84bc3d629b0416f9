import { onlyRow } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';

/** Orders by how far they came; `cancelled` by reason. `paid` counts those that were refunded since as well. */
interface Ends {
  readonly created: number;
  readonly paid: number;
  readonly refunded: number;
  readonly cancelled: Readonly<Record<string, number>>;
}

/**
 * What a batch of ORDER_EVENTS adds to the totals. The reason and the payment of a cancelled order stand in its own row,
 * which nothing changes any more.
 */
const ENDS = `
  ends AS (
    SELECT count(*) FILTER (WHERE b.type = 'ORDER_CREATED') AS created,
           count(*) FILTER (WHERE b.type = 'ORDER_PAID') AS paid FROM batch b),
  cancelled AS (
    SELECT o.failure_reason AS reason, count(*) AS count, count(o.paid_at) AS refunded
      FROM batch b JOIN orders o ON o.id = b.order_id
     WHERE b.type = 'ORDER_CANCELLED' GROUP BY o.failure_reason)`;

/** Orders of one look: as the deadline's. */
const WINDOW = 250_000;

/**
 * Adds the next `limit` events to the totals, and moves the place where open orders begin. Events count once they are a
 * minute old: ids commit out of order, and no commit with a lower id takes a minute. On one instance at a time; where
 * another is at it, nothing happens.
 * @returns how many events were added; fewer than `limit` when all are
 */
export async function addSettledEvents(tx: Tx, limit: number): Promise<number> {
  const { rows } = await tx.query<{ added: number }>(
    `WITH totals AS MATERIALIZED (SELECT * FROM saga_totals WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED),
     batch AS MATERIALIZED (
       SELECT id, order_id, type FROM (
         SELECT e.*, bool_and(e.created_at < now() - interval '1 minute') OVER (ORDER BY e.id) AS settled
           FROM totals t, LATERAL (
             SELECT id, order_id, type, created_at FROM order_events WHERE id > t.event_id ORDER BY id LIMIT $1) e) s
        WHERE settled),
     ${ENDS},
     window_of AS MATERIALIZED (
       SELECT o.* FROM totals t, LATERAL (
         SELECT id, status, created_at FROM orders WHERE id >= t.open_from ORDER BY id LIMIT ${WINDOW}) o),
     updated AS (
       UPDATE saga_totals s
          SET event_id = greatest(s.event_id, (SELECT max(id) FROM batch)),
              created = s.created + (SELECT created FROM ends), paid = s.paid + (SELECT paid FROM ends),
              refunded = s.refunded + (SELECT coalesce(sum(refunded), 0) FROM cancelled),
              cancelled = s.cancelled || coalesce(
                (SELECT jsonb_object_agg(reason, count + coalesce((s.cancelled ->> reason)::bigint, 0)) FROM cancelled), '{}'),
              open_from = greatest(s.open_from, least(
                (SELECT min(id) FROM window_of WHERE status IN ('CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED')),
                (SELECT max(id) FROM window_of WHERE created_at < now() - interval '1 minute')))
         FROM totals t WHERE s.id = t.id)
     SELECT count(*) AS added FROM batch`,
    [limit],
  );
  return onlyRow(rows).added;
}

/** Events that a look adds by itself to the totals: under 300 orders/s all that are younger than a minute. */
const TAIL = 20_000;

export interface SagaState extends Ends {
  readonly at: Date;
  /** Up to when ends are counted; null when up to now. */
  readonly countedUpTo: Date | null;
  /** By status, of orders on their way to be paid. */
  readonly open: Readonly<Record<string, number>>;
  readonly oldestOpenSeconds: number | null;
  readonly cancelling: number;
  /** Of them, those that had been paid. */
  readonly refunding: number;
  readonly oldestCancellingSeconds: number | null;
  readonly stuck: number;
}

/**
 * Where all orders are, of one moment. Open and cancelling ones are counted where they lie; how the others ended comes
 * from the totals and the events since. A backlog of more than 20,000 events is left out, and said so: `countedUpTo`.
 */
export async function readSaga(tx: Tx, cancelDeadlineMs: number): Promise<SagaState> {
  const { rows } = await tx.query<SagaState>(
    `WITH totals AS MATERIALIZED (SELECT * FROM saga_totals WHERE id = 1),
     batch AS MATERIALIZED (
       SELECT e.* FROM totals t, LATERAL (
         SELECT id, order_id, type, created_at FROM order_events WHERE id > t.event_id ORDER BY id LIMIT ${TAIL}) e),
     ${ENDS},
     open_ones AS (
       SELECT o.status, count(*) AS count, min(o.created_at) AS oldest
         FROM totals t, LATERAL (
           SELECT id, status, created_at FROM orders WHERE id >= t.open_from ORDER BY id LIMIT ${WINDOW}) o
        WHERE o.status IN ('CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED') GROUP BY o.status),
     cancelling AS (
       SELECT count(*) AS count, count(paid_at) AS refunding, min(cancelling_at) AS oldest,
              count(*) FILTER (WHERE cancelling_at < now() - $1::float8 * interval '1 ms') AS stuck
         FROM orders WHERE cancelling_at IS NOT NULL)
     SELECT now() AS at, t.created + e.created AS created, t.paid + e.paid AS paid,
            (t.refunded + (SELECT coalesce(sum(refunded), 0) FROM cancelled))::bigint AS refunded,
            t.cancelled || coalesce((SELECT jsonb_object_agg(reason, count + coalesce((t.cancelled ->> reason)::bigint, 0))
                                       FROM cancelled), '{}') AS cancelled,
            (SELECT CASE WHEN count(*) = ${TAIL} THEN max(created_at) END FROM batch) AS "countedUpTo",
            (SELECT coalesce(jsonb_object_agg(status, count), '{}') FROM open_ones) AS open,
            (SELECT extract(epoch FROM now() - min(oldest))::float8 FROM open_ones) AS "oldestOpenSeconds",
            c.count AS cancelling, c.refunding, c.stuck,
            extract(epoch FROM now() - c.oldest)::float8 AS "oldestCancellingSeconds"
       FROM totals t, ends e, cancelling c`,
    [cancelDeadlineMs],
  );
  return onlyRow(rows);
}

export interface Rates {
  /** The time that was measured: less than asked for when too much happened in it. */
  readonly seconds: number;
  readonly created: number;
  readonly paid: number;
  readonly cancelled: number;
}

/** No id is higher: one plan for the first chunk and the others. */
const LAST_ID = '9223372036854775807';

type Kind = 'created' | 'paid' | 'cancelled';

interface Chunk extends Record<Kind, number[]> {
  readonly lowest: number | null;
  readonly seconds: number | null;
}

/** Rows of the first chunk and of the next: a quiet system reads 2,000, a busy one 62,000 at most. */
const CHUNKS = [2_000, 4_000, 8_000, 16_000, 32_000];

/**
 * Orders that were created, paid and cancelled in each of the last spans of seconds, the longest last. Walks back from
 * the newest event in growing chunks, until the longest span is covered.
 */
export async function countRecent(tx: Tx, spans: readonly number[]): Promise<Rates[]> {
  const longest = spans.at(-1) ?? 0;
  const sums = spans.map(() => ({ created: 0, paid: 0, cancelled: 0 }));
  let before: number | null = null;
  let walked = 0;
  for (const limit of CHUNKS) {
    const chunk: Chunk = await readChunk(tx, before, limit, spans);
    sums.forEach((sum, at) => {
      sum.created += chunk.created[at] ?? 0;
      sum.paid += chunk.paid[at] ?? 0;
      sum.cancelled += chunk.cancelled[at] ?? 0;
    });
    walked = chunk.lowest === null ? Infinity : (chunk.seconds ?? 0);
    if (walked >= longest) break;
    before = chunk.lowest;
  }
  return spans.map((span, at) => ({
    seconds: Math.min(span, Math.max(walked, 1)),
    ...(sums[at] ?? { created: 0, paid: 0, cancelled: 0 }),
  }));
}

async function readChunk(
  tx: Tx,
  before: number | null,
  limit: number,
  spans: readonly number[],
): Promise<Chunk> {
  const since = (type: string) =>
    spans.map(
      (_, at) =>
        `count(*) FILTER (WHERE type = '${type}' AND created_at >= now() - $${at + 3} * interval '1 s')`,
    );
  const { rows } = await tx.query<Chunk>(
    `SELECT min(id) AS lowest, extract(epoch FROM now() - min(created_at))::float8 AS seconds,
            ARRAY[${since('ORDER_CREATED').join()}] AS created,
            ARRAY[${since('ORDER_PAID').join()}] AS paid,
            ARRAY[${since('ORDER_CANCELLED').join()}] AS cancelled
       FROM (SELECT id, type, created_at FROM order_events
              WHERE id < coalesce($1, ${LAST_ID}) ORDER BY id DESC LIMIT $2) chunk`,
    [before, limit, ...spans],
  );
  return onlyRow(rows);
}
