import type { Logger } from '@orderflow/service-runtime/logger';
import { isLater, type OrderStatus } from '../domain/order.ts';
import type { OrderMoment, OrderReader } from '../store/reading.ts';
import type { ChangeChannel } from './change-channel.ts';
import { showOrder, type OrderShape } from './order-shape.ts';

/** An order as it is now, and the id of the timeline's line that brought its status. */
export interface OrderNow {
  readonly order: OrderShape;
  readonly eventId: number;
}

export interface OrderWatch {
  /**
   * The newest state, once there is one with a later status than the last one given: statuses in between are skipped.
   * @returns null when there is no such order, or when the watch has ended
   * @throws what reading the database threw, as long as no state is known
   */
  next(): Promise<OrderNow | null>;
  end(): void;
}

export interface OrderFeedOptions {
  readonly read: OrderReader['changed'];
  readonly channel: ChangeChannel;
  readonly logger: Logger;
  readonly timing?: Partial<FeedTiming>;
}

export interface FeedTiming {
  /** Reads start at least this far apart: a commit of order.advance every 20 ms is followed by one read each. */
  readonly paceMs: number;
  /** The net under all signals: each watched order is looked up this often … */
  readonly pollMs: number;
  /** … or this often while other instances cannot be heard. */
  readonly pollUnheardMs: number;
}

const TIMING: FeedTiming = { paceMs: 20, pollMs: 1_000, pollUnheardMs: 250 };

interface Watched {
  /** As of the last read; null: someone joined since and wants to know whatever it is. */
  status: OrderStatus | null;
  readonly watches: Set<Watch>;
}

/**
 * Tells those who wait for orders what becomes of them. Changed orders are read together, by one statement whatever
 * their number and that of those who wait, and never two statements at once; nobody holds a connection.
 */
export class OrderFeed {
  readonly #options: OrderFeedOptions;
  readonly #timing: FeedTiming;
  readonly #orders = new Map<number, Watched>();
  readonly #toRead = new Set<number>();
  #reads = 0;
  #isReading = false;
  #readTimer: NodeJS.Timeout | undefined;
  #pollTimer: NodeJS.Timeout | undefined;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #lastPollAt = Number.NEGATIVE_INFINITY;

  constructor(options: OrderFeedOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** To be called after a commit, never before: tells those who wait here and the other instances. */
  changed(orderIds: readonly number[]): void {
    if (orderIds.length === 0) return;
    const distinct = [...new Set(orderIds)];
    this.#touch(distinct);
    this.#options.channel.tell(distinct);
  }

  /**
   * Watches an order, from its state at a read that starts after this call.
   * @param known the status the caller knows: only later ones are told. null: the first `next` tells the order as it is
   * @param signal ends the watch
   */
  watch(orderId: number, known: OrderStatus | null, signal: AbortSignal): OrderWatch {
    const watch = new Watch(known, this.#reads + 1, () => this.#leave(orderId, watch));
    if (signal.aborted) {
      watch.end();
      return watch;
    }
    signal.addEventListener('abort', () => watch.end(), { once: true });
    const watched = this.#orders.get(orderId);
    if (watched) {
      watched.status = null;
      watched.watches.add(watch);
    } else this.#orders.set(orderId, { status: known, watches: new Set([watch]) });
    this.#listen();
    this.#touch([orderId]);
    return watch;
  }

  /** Ends all watches. */
  close(): void {
    clearTimeout(this.#readTimer);
    clearInterval(this.#pollTimer);
    for (const { watches } of this.#orders.values()) for (const watch of [...watches]) watch.end();
    this.#options.channel.close();
  }

  #leave(orderId: number, watch: Watch): void {
    const watched = this.#orders.get(orderId);
    watched?.watches.delete(watch);
    if (watched?.watches.size === 0) this.#orders.delete(orderId);
    if (this.#orders.size > 0) return;
    clearInterval(this.#pollTimer);
    this.#pollTimer = undefined;
  }

  #listen(): void {
    if (this.#pollTimer) return;
    const { channel } = this.#options;
    const everything = () => this.#touch(this.#orders.keys());
    channel.listen((orderIds) => this.#touch(orderIds), everything);
    const { pollMs, pollUnheardMs } = this.#timing;
    this.#lastPollAt = performance.now();
    this.#pollTimer = setInterval(() => {
      const dueMs = channel.isLive() ? pollMs : pollUnheardMs;
      // Half an interval early is nearer to it than one too late.
      if (performance.now() - this.#lastPollAt < dueMs - pollUnheardMs / 2) return;
      this.#lastPollAt = performance.now();
      everything();
    }, pollUnheardMs);
  }

  #touch(orderIds: Iterable<number>): void {
    for (const id of orderIds) if (this.#orders.has(id)) this.#toRead.add(id);
    this.#schedule(this.#lastReadAt + this.#timing.paceMs - performance.now());
  }

  #schedule(inMs: number): void {
    if (this.#isReading || this.#readTimer || this.#toRead.size === 0) return;
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined;
      void this.#read();
    }, inMs);
  }

  async #read(): Promise<void> {
    const known = new Map<number, OrderStatus | null>();
    for (const id of this.#toRead) {
      const watched = this.#orders.get(id);
      if (watched) known.set(id, watched.status);
    }
    this.#toRead.clear();
    if (known.size === 0) return;
    this.#isReading = true;
    this.#lastReadAt = performance.now();
    this.#reads += 1;
    let pauseMs = this.#timing.paceMs;
    try {
      const moments = await this.#options.read(known);
      this.#deliver(known.keys(), new Map(moments.map((moment) => [Number(moment.id), moment])));
    } catch (error) {
      this.#options.logger.debug({ err: error, orders: known.size }, 'watched orders could not be read');
      this.#fail(known.keys(), error);
      pauseMs = this.#timing.pollUnheardMs;
    }
    this.#isReading = false;
    this.#schedule(this.#lastReadAt + pauseMs - performance.now());
  }

  #deliver(ids: Iterable<number>, moments: ReadonlyMap<number, OrderMoment>): void {
    for (const id of ids) {
      const watched = this.#orders.get(id);
      if (!watched) continue;
      const moment = moments.get(id);
      const now = moment && { order: showOrder(moment), eventId: Number(moment.eventId) };
      const inTime = [...watched.watches].filter((watch) => watch.fromRead <= this.#reads);
      // Who joined during this read waits for the next one, which must tell whatever the status is.
      if (now && inTime.length === watched.watches.size) watched.status = now.order.status;
      for (const watch of inTime) {
        if (now) watch.offer(now);
        else watch.isMissing();
      }
    }
  }

  #fail(ids: Iterable<number>, error: unknown): void {
    for (const id of ids) {
      const watched = this.#orders.get(id);
      if (!watched) continue;
      this.#toRead.add(id);
      for (const watch of [...watched.watches]) if (watch.fromRead <= this.#reads) watch.failed(error);
    }
  }
}

class Watch implements OrderWatch {
  /** Earlier reads may have begun before the caller's own last write. */
  readonly fromRead: number;
  readonly #leave: () => void;
  #given: OrderStatus | null;
  #newest: OrderNow | null = null;
  #hasEnded = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(known: OrderStatus | null, fromRead: number, leave: () => void) {
    this.#given = known;
    this.fromRead = fromRead;
    this.#leave = leave;
  }

  async next(): Promise<OrderNow | null> {
    while (!this.#newest && !this.#hasEnded) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#error) throw this.#error;
    if (!this.#newest || this.#hasEnded) return null;
    const now = this.#newest;
    this.#newest = null;
    this.#given = now.order.status;
    return now;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#leave();
    this.#wake?.();
  }

  offer(now: OrderNow): void {
    const last = this.#newest?.order.status ?? this.#given;
    if (last !== null && !isLater(now.order.status, last)) return;
    this.#newest = now;
    this.#wake?.();
  }

  /** The read had nothing to tell: the order is as it was, or was never there. */
  isMissing(): void {
    if (this.#isNew()) this.end();
  }

  failed(error: unknown): void {
    if (!this.#isNew()) return;
    this.#error = error instanceof Error ? error : new Error(String(error));
    this.end();
  }

  #isNew(): boolean {
    return this.#given === null && this.#newest === null;
  }
}
