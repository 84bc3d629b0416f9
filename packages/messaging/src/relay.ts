import type { Message } from '@orderflow/shared-events/envelope';
import type { Producer } from 'kafkajs';
import { REQUEST_TIMEOUT_MS, type KitLogger } from './kafka-client.ts';
import type { KitMetrics } from './kit-metrics.ts';
import type { HandOver, Outbox, OutboxRow } from './outbox.ts';
import { backOffMs, pause, within } from './pause.ts';
import { transaction, type ConnectionPool } from './postgres.ts';

export interface RelayOptions {
  readonly pool: ConnectionPool;
  readonly outbox: Outbox;
  readonly producer: Pick<Producer, 'sendBatch'>;
  readonly logger: KitLogger;
  readonly metrics: KitMetrics;
  /** How often the safety net looks for rows that no relay holds. */
  readonly pollIntervalMs?: number;
}

export interface Relay {
  readonly handOver: HandOver;
  start(): void;
  /** Since when sending fails without a success in between; null while it works. */
  failingSince(): Date | null;
  /** Publishes what memory holds and deletes what is acknowledged, within `ms`; the rest stays in its rows. */
  stop(ms: number): Promise<void>;
}

/** Messages waiting in memory; beyond it a commit's messages stay in their row for the poll. */
const MAX_QUEUED_MESSAGES = 20_000;
/** One send; 6 events of 600 bytes each an order make this about 1 MB. */
const MAX_SEND_MESSAGES = 2_000;
/** Deleting per send would cost an fsync each (measured at 750 orders/s: 0.66–0.85 instead of 0.42–0.53 an order). */
const DELETE_INTERVAL_MS = 200;
const CLAIM_LIMIT = 200;

/**
 * Publishes outbox rows. After a commit its messages come from memory; one `sendBatch` over all topics at a time,
 * acknowledged by all replicas, then the rows are deleted. The poll is the safety net for rows of crashed relays, of
 * sends that failed and of a full queue. A crash may send twice: consumers recognise an event by their own rows.
 */
export function createRelay(options: RelayOptions): Relay {
  const { pool, outbox, producer, logger, metrics, pollIntervalMs = 500 } = options;
  const stopping = new AbortController();
  let queue: OutboxRow[] = [];
  let queuedMessages = 0;
  const held = new Set<number>();
  let acknowledged: number[] = [];
  let failingSince: Date | null = null;
  let failures = 0;
  let wake = () => {};
  let sending: Promise<void> | undefined;
  let deleting: Promise<void> | undefined;

  const handOver: HandOver = (row) => {
    if (stopping.signal.aborted || failures > 0 || queuedMessages + row.messages.length > MAX_QUEUED_MESSAGES)
      return;
    held.add(row.id);
    queue.push(row);
    queuedMessages += row.messages.length;
    wake();
  };

  async function send(messages: readonly Message[], source: 'memory' | 'poll'): Promise<boolean> {
    const started = performance.now();
    try {
      await producer.sendBatch({
        acks: -1,
        timeout: REQUEST_TIMEOUT_MS,
        topicMessages: groupByTopic(messages),
      });
    } catch (error) {
      failures += 1;
      failingSince ??= new Date();
      metrics.count('outbox_send_failures_total', {});
      logger.warn(
        { err: error, messages: messages.length, failures },
        'send failed; the rows stay and are sent again',
      );
      return false;
    }
    failures = 0;
    failingSince = null;
    metrics.count('outbox_published_total', { source }, messages.length);
    metrics.observe('outbox_send_duration_seconds', {}, (performance.now() - started) / 1000);
    return true;
  }

  /** Takes rows from the queue up to one send's size; at least one. */
  function takeQueued(): OutboxRow[] {
    let size = 0;
    let count = 0;
    for (const row of queue) {
      if (count > 0 && size + row.messages.length > MAX_SEND_MESSAGES) break;
      size += row.messages.length;
      count += 1;
    }
    const taken = queue.slice(0, count);
    queue = queue.slice(count);
    queuedMessages -= size;
    return taken;
  }

  async function publishQueued(): Promise<void> {
    const rows = takeQueued();
    const sent = await send(
      rows.flatMap((row) => row.messages),
      'memory',
    );
    if (sent) return void acknowledged.push(...rows.map((row) => row.id));
    // What memory held is the poll's from now on: it backs off, and memory stays bounded while the broker is away.
    for (const row of [...rows, ...queue]) held.delete(row.id);
    queue = [];
    queuedMessages = 0;
  }

  /** Claims, sends and deletes in one transaction, so that no other relay sends the same rows meanwhile. */
  async function publishClaimed(): Promise<boolean> {
    return transaction(pool, async (tx) => {
      // Above the send's own time-out, else Postgres would cut the connection while the broker is slow.
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '${2 * REQUEST_TIMEOUT_MS}ms'`);
      const rows = await outbox.claim(tx, [...held], CLAIM_LIMIT);
      if (rows.length === 0) return false;
      if (
        !(await send(
          rows.flatMap((row) => row.messages),
          'poll',
        ))
      )
        return false;
      await outbox.remove(
        tx,
        rows.map((row) => row.id),
      );
      return rows.length === CLAIM_LIMIT;
    });
  }

  async function run(): Promise<void> {
    let nextPoll = performance.now() + pollIntervalMs;
    while (!stopping.signal.aborted || queue.length > 0) {
      if (queue.length > 0) await publishQueued();
      else await new Promise<void>((resolve) => untilWoken(resolve, nextPoll - performance.now()));
      if (performance.now() < nextPoll || stopping.signal.aborted) continue;
      const more = await publishClaimed().catch((error: unknown) => {
        logger.warn({ err: error }, 'outbox poll failed; it is tried again');
        return false;
      });
      nextPoll =
        performance.now() +
        (more ? 0 : failures > 0 ? Math.max(pollIntervalMs, backOffMs(failures)) : pollIntervalMs);
    }
  }

  function untilWoken(resolve: () => void, ms: number): void {
    const done = () => {
      clearTimeout(timer);
      wake = () => {};
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    wake = done;
  }

  async function deleteAcknowledged(): Promise<void> {
    const ids = acknowledged;
    if (ids.length === 0) return;
    acknowledged = [];
    try {
      await transaction(pool, (tx) => outbox.remove(tx, ids));
      for (const id of ids) held.delete(id);
    } catch (error) {
      acknowledged.push(...ids);
      logger.warn({ err: error, rows: ids.length }, 'published rows could not be deleted yet');
    }
  }

  async function deleteLoop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(DELETE_INTERVAL_MS, stopping.signal);
      await deleteAcknowledged();
    }
  }

  return {
    handOver,
    failingSince: () => failingSince,
    start() {
      sending = run();
      deleting = deleteLoop();
    },
    async stop(ms) {
      stopping.abort();
      wake();
      await within(ms, Promise.all([sending, deleting]).then(deleteAcknowledged));
    },
  };
}

function groupByTopic(messages: readonly Message[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const message of messages) {
    const group = topics.get(message.topic);
    if (group) group.push(message);
    else topics.set(message.topic, [message]);
  }
  return [...topics].map(([topic, group]) => ({ topic, messages: group }));
}
