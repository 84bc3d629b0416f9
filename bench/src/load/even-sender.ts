import { Connection } from './connection.ts';

export interface EvenLoad {
  readonly url: string;
  /** Requests a second, evenly spaced. */
  readonly rate: number;
  /** Requests in all. */
  readonly count: number;
  /** Connections at most; requests that find none wait, and their latency grows. */
  readonly connections: number;
  /** A request that has no answer so long after its scheduled time has failed. */
  readonly timeoutMs: number;
  /** The text of the n-th request, 0 first. */
  request(index: number): string;
}

/** One entry a scheduled request. Times are ms since 1970; 0 stands for "no answer". */
export interface Answers {
  readonly scheduledAt: Float64Array;
  readonly answeredAt: Float64Array;
  readonly status: Uint16Array;
  readonly orderId: Float64Array;
}

/** Servers close what is idle for five seconds: a request sent at that very moment would be lost. */
const IDLE_LIMIT_MS = 3_000;
const CARE_INTERVAL_MS = 500;

/**
 * Sends requests at their scheduled times, whatever became of those before: an open loop. What is late, because every
 * connection is busy or this process was, counts from the scheduled time too, so that a server which stops for a while
 * cannot hide the requests it would have kept waiting (coordinated omission). Timers are late by up to 1 ms.
 */
export class EvenSender {
  readonly #load: EvenLoad;
  readonly #url: URL;
  readonly #answers: Answers;
  /** By performance.now(). */
  readonly #startMs = performance.now() + 1;
  /** Requests that will be sent at all. */
  #count: number;
  /** Requests whose time has come, those that were sent or given up, and those that are over. */
  #due = 0;
  #taken = 0;
  #over = 0;
  readonly #idle: Connection[] = [];
  readonly #busy = new Set<Connection>();
  #finished: () => void = () => undefined;

  constructor(load: EvenLoad) {
    this.#load = load;
    this.#url = new URL(load.url);
    this.#count = load.count;
    const first = performance.timeOrigin + this.#startMs;
    this.#answers = {
      scheduledAt: Float64Array.from({ length: load.count }, (_, index) => first + this.#offsetMs(index)),
      answeredAt: new Float64Array(load.count),
      status: new Uint16Array(load.count),
      orderId: new Float64Array(load.count),
    };
  }

  /** Resolves when every request has its answer or has failed: `timeoutMs` after the last one's time at the latest. */
  async run(): Promise<Answers> {
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    const care = setInterval(() => this.#care(), CARE_INTERVAL_MS);
    this.#tick();
    await finished;
    clearInterval(care);
    for (const connection of this.#idle) connection.drop();
    const { scheduledAt, answeredAt, status, orderId } = this.#answers;
    return {
      scheduledAt: scheduledAt.slice(0, this.#count),
      answeredAt: answeredAt.slice(0, this.#count),
      status: status.slice(0, this.#count),
      orderId: orderId.slice(0, this.#count),
    };
  }

  /** Schedules nothing more; `run` ends with the answers to what is under way. */
  stop(): void {
    this.#count = Math.min(this.#count, this.#due);
    this.#endWhenOver();
  }

  #offsetMs(index: number): number {
    return (index * 1000) / this.#load.rate;
  }

  #tick(): void {
    const elapsed = performance.now() - this.#startMs;
    while (this.#due < this.#count && this.#offsetMs(this.#due) <= elapsed) this.#due += 1;
    this.#sendDue();
    if (this.#due < this.#count)
      setTimeout(() => this.#tick(), Math.ceil(this.#offsetMs(this.#due) - elapsed));
    else this.#endWhenOver();
  }

  #sendDue(): void {
    while (this.#taken < this.#due) {
      const connection = this.#idle.pop() ?? this.#open();
      if (connection === null) return;
      const index = this.#taken;
      this.#taken += 1;
      connection.request = index;
      connection.since = this.#startMs + this.#offsetMs(index);
      this.#busy.add(connection);
      connection.send(this.#load.request(index));
    }
  }

  #open(): Connection | null {
    if (this.#busy.size >= this.#load.connections) return null;
    return new Connection(this.#url, {
      answered: (connection, status, orderId) => this.#answered(connection, status, orderId),
      broken: (connection) => this.#broken(connection),
    });
  }

  #answered(connection: Connection, status: number, orderId: number): void {
    const { request } = connection;
    const now = performance.now();
    this.#answers.answeredAt[request] = performance.timeOrigin + now;
    this.#answers.status[request] = status;
    this.#answers.orderId[request] = orderId;
    this.#busy.delete(connection);
    connection.since = now;
    this.#idle.push(connection);
    this.#endRequest();
  }

  #broken(connection: Connection): void {
    if (this.#busy.delete(connection)) this.#endRequest();
    else this.#idle.splice(this.#idle.indexOf(connection), 1);
  }

  #endRequest(): void {
    this.#over += 1;
    this.#sendDue();
    this.#endWhenOver();
  }

  #endWhenOver(): void {
    if (this.#over === this.#count) this.#finished();
  }

  /** Gives up what is overdue, and connections that were idle for long; the one used last lies on top. */
  #care(): void {
    const now = performance.now();
    const overdue = now - this.#load.timeoutMs;
    // Overdue requests that waited take the places and are visited too: dropped before they are connected.
    for (const connection of this.#busy) {
      if (connection.since > overdue) continue;
      connection.drop();
      this.#broken(connection);
    }
    while (this.#idle[0] && this.#idle[0].since < now - IDLE_LIMIT_MS) this.#idle.shift()?.drop();
  }
}
