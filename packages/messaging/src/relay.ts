import type { Message } from '@orderflow/shared-events/envelope';
import type { Producer } from 'kafkajs';
import type { FailAt } from './failpoints.ts';
import { REQUEST_TIMEOUT_MS, type KitLogger } from './kafka-client.ts';
import type { KitMetrics } from './kit-metrics.ts';
import type { HandOver, Outbox, OutboxRow } from './outbox.ts';
import { backOffMs, pause, within } from './pause.ts';
import { loadedTransaction, transaction, type ConnectionPool, type Tx } from './postgres.ts';

export interface RelayOptions {
  readonly pool: ConnectionPool;
  readonly outbox: Outbox;
  readonly producer: Pick<Producer, 'sendBatch'>;
  readonly logger: KitLogger;
  readonly metrics: KitMetrics;
  /** How often the safety net looks for rows that no relay holds; a second unless told otherwise. */
  readonly pollIntervalMs?: number;
  readonly failAt?: FailAt | undefined;
}

/** Messages waiting in memory; beyond it a commit's messages stay in their row for the poll. */
const MAX_QUEUED_MESSAGES = 20_000;
/** One send; 6 events of 600 bytes each an order make this about 1 MB. */
const MAX_SEND_MESSAGES = 2_000;
/**
 * Deleting per send would cost an fsync each (measured at 750 orders/s: 0.66–0.85 instead of 0.42–0.53 an order). Below
 * the second after which another relay's poll takes a row for forgotten.
 */
const DELETE_INTERVAL_MS = 500;
/** Rows of one poll; a row holds at most the messages of one batch of 1,000. */
const CLAIM_LIMIT = 50;
/**
 * Bytes of one topic in one request. kafkajs makes one record batch a partition of it, the broker refuses batches above
 * 1,048,588 bytes, and in the worst case all messages of a topic go to one partition.
 */
const MAX_TOPIC_BYTES = 800_000;
/** A record's own frame, and its headers' names and values: at most about 600 bytes with nine of them. */
const RECORD_OVERHEAD_BYTES = 700;

/**
 * Publishes outbox rows. After a commit its messages come from memory; one `sendBatch` over all topics at a time,
 * acknowledged by all replicas, then the rows are deleted. The poll is the safety net for rows of crashed relays, of
 * sends that failed and of a full queue. A crash may send twice: consumers recognise an event by their own rows.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #stopping = new AbortController();
  #queue: OutboxRow[] = [];
  #queuedMessages = 0;
  /** Rows that are queued, in flight, or acknowledged and not deleted yet: not for the poll. */
  readonly #held = new Set<number>();
  #acknowledged: number[] = [];
  #failures = 0;
  #failingSince: Date | null = null;
  #wake: () => void = () => undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Takes over the messages of a commit. What does not fit, or comes while sends fail, is left to the poll. */
  readonly handOver: HandOver = (row) => {
    const full = this.#queuedMessages + row.messages.length > MAX_QUEUED_MESSAGES;
    if (this.#stopping.signal.aborted || this.#failures > 0 || full) return;
    this.#held.add(row.id);
    this.#queue.push(row);
    this.#queuedMessages += row.messages.length;
    this.#wake();
  };

  start(): void {
    this.#running = Promise.all([this.#publishLoop(), this.#deleteLoop()]);
  }

  /** Since when sending fails without a success in between; null while it works. */
  failingSince(): Date | null {
    return this.#failingSince;
  }

  /** Publishes what memory holds and deletes what is acknowledged, within `ms`; the rest stays in its rows. */
  async stop(ms: number): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await within(
      ms,
      this.#running.then(() => this.#deleteAcknowledged()),
    );
  }

  async #publishLoop(): Promise<void> {
    const { pollIntervalMs = 1_000 } = this.#options;
    const { signal } = this.#stopping;
    let nextPoll = performance.now() + pollIntervalMs;
    while (!signal.aborted || this.#queue.length > 0) {
      if (this.#queue.length > 0) await this.#publishQueued();
      else await this.#untilWoken(nextPoll - performance.now());
      if (performance.now() < nextPoll || signal.aborted) continue;
      const more = await this.#poll();
      const wait = this.#failures > 0 ? Math.max(pollIntervalMs, backOffMs(this.#failures)) : pollIntervalMs;
      nextPoll = performance.now() + (more ? 0 : wait);
    }
  }

  #untilWoken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, ms));
      this.#wake = done;
    });
  }

  async #publishQueued(): Promise<void> {
    const rows = this.#takeQueued();
    if (await this.#send(rows, 'memory')) {
      this.#acknowledged.push(...rows.map((row) => row.id));
      return;
    }
    // What memory held is the poll's from now on: it backs off, and memory stays bounded while the broker is away.
    for (const row of [...rows, ...this.#queue]) this.#held.delete(row.id);
    this.#queue = [];
    this.#queuedMessages = 0;
  }

  /** Takes rows from the queue up to one send's size; at least one. */
  #takeQueued(): OutboxRow[] {
    let size = 0;
    let count = 0;
    for (const row of this.#queue) {
      if (count > 0 && size + row.messages.length > MAX_SEND_MESSAGES) break;
      size += row.messages.length;
      count += 1;
    }
    this.#queuedMessages -= size;
    return this.#queue.splice(0, count);
  }

  async #send(rows: readonly OutboxRow[], source: 'memory' | 'poll'): Promise<boolean> {
    const { producer, logger, metrics, failAt } = this.#options;
    const messages = rows.flatMap((row) => row.messages);
    const started = performance.now();
    try {
      for (const part of parts(messages)) {
        const topicMessages = groupByTopic(part);
        if (failAt) await failAt('relay.before-send');
        await producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT_MS, topicMessages });
        if (failAt) await failAt('relay.sent');
      }
    } catch (error) {
      this.#failures += 1;
      this.#failingSince ??= new Date();
      metrics.count('outbox_send_failures_total', {});
      const fields = { err: error, messages: messages.length, failures: this.#failures };
      logger.warn(fields, 'send failed; the rows stay and are sent again');
      return false;
    }
    this.#recovered();
    metrics.count('outbox_published_total', { source }, messages.length);
    metrics.observe('outbox_send_duration_seconds', {}, (performance.now() - started) / 1000);
    return true;
  }

  #recovered(): void {
    this.#failures = 0;
    this.#failingSince = null;
  }

  /** @returns whether there is more to claim right away */
  async #poll(): Promise<boolean> {
    const { logger, failAt } = this.#options;
    try {
      if (failAt) await failAt('poll.before-claim');
      return await this.#publishClaimed();
    } catch (error) {
      logger.warn({ err: error }, 'outbox poll failed; it is tried again');
      return false;
    }
  }

  /** Claims, sends and deletes in one transaction, so that no other relay sends the same rows meanwhile. */
  #publishClaimed(): Promise<boolean> {
    const { pool, outbox, failAt } = this.#options;
    const claim = (tx: Tx) => outbox.claim(tx, [...this.#held], CLAIM_LIMIT);
    return loadedTransaction(pool, claim, async (tx, _, rows) => {
      if (rows.length === 0) {
        // Another relay has sent what failed here: nothing is late any more.
        this.#recovered();
        return false;
      }
      // Above what a send takes to fail (three tries, 33 s at most), else Postgres would cut the connection while the
      // broker is slow.
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '${6 * REQUEST_TIMEOUT_MS}ms'`);
      if (failAt) await failAt('poll.claimed');
      if (!(await this.#send(rows, 'poll'))) return false;
      const ids = rows.map((row) => row.id);
      await outbox.remove(tx, ids);
      if (failAt) await failAt('poll.before-commit');
      return rows.length === CLAIM_LIMIT;
    });
  }

  async #deleteLoop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await pause(DELETE_INTERVAL_MS, this.#stopping.signal);
      await this.#deleteAcknowledged();
    }
  }

  async #deleteAcknowledged(): Promise<void> {
    const { pool, outbox, logger, failAt } = this.#options;
    const ids = this.#acknowledged;
    if (ids.length === 0) return;
    this.#acknowledged = [];
    try {
      if (failAt) await failAt('relay.before-delete');
      await transaction(pool, (tx) => outbox.remove(tx, ids));
      if (failAt) await failAt('relay.deleted');
      for (const id of ids) this.#held.delete(id);
    } catch (error) {
      this.#acknowledged.push(...ids);
      logger.warn({ err: error, rows: ids.length }, 'published rows could not be deleted yet');
    }
  }
}

/** Cuts messages, in their order, into requests that the broker takes however they are spread over partitions. */
function* parts(messages: readonly Message[]): Generator<readonly Message[]> {
  const bytes = new Map<string, number>();
  let from = 0;
  for (const [index, { topic, value }] of messages.entries()) {
    const size = Buffer.byteLength(value) + RECORD_OVERHEAD_BYTES;
    const sum = (bytes.get(topic) ?? 0) + size;
    if (sum > MAX_TOPIC_BYTES && index > from) {
      yield messages.slice(from, index);
      from = index;
      bytes.clear();
      bytes.set(topic, size);
    } else bytes.set(topic, sum);
  }
  yield messages.slice(from);
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
