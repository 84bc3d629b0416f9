import kafkajs from 'kafkajs';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { Abandoned, BatchRunner, type BatchRunnerOptions } from './batch-runner.ts';
import { createStepConsumer } from './kafka-client.ts';
import { OffsetCommits } from './offset-commits.ts';
import { restMs, UNDER_LOAD, type Pace } from './pace.ts';
import { pause } from './pause.ts';
import { unsupportedCompression } from './record-codec.ts';
import { topicsOf, type Delivery } from './step.ts';

export interface StepConsumerOptions extends BatchRunnerOptions {
  readonly kafka: Kafka;
  readonly partitions: number;
  readonly pace?: Pace | undefined;
  /** The consumer is beyond help: the process must exit and be started anew. */
  readonly onFatal: (reason: string) => void;
}

/** Events of one transaction: bounds its time to well under the session time-out. */
const MAX_BATCH = 1_000;
const WATCH_INTERVAL_MS = 5_000;
/** Half-open connections hang for ever (kafkajs issue 1163). */
const NO_PROGRESS_MS = 90_000;

interface Joined {
  readonly payload: EachBatchPayload;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Consumes one step's topics. All partitions of one fetch are joined into one transaction; offsets are resolved after
 * its commit, never before.
 */
export class StepConsumer {
  readonly name: string;
  readonly #options: StepConsumerOptions;
  readonly #runner: BatchRunner;
  readonly #consumer: Consumer;
  readonly #topics: readonly string[];
  readonly #offsets: OffsetCommits;
  readonly #watchdog: NodeJS.Timeout;
  #waiting: Joined[] = [];
  #running = false;
  #joined = false;
  #paused = false;
  /** By the steady clock: a machine's time that is set is no silence of the broker. */
  #lastProgress = performance.now();

  constructor(options: StepConsumerOptions) {
    this.name = options.step.name;
    this.#options = options;
    this.#runner = new BatchRunner(options);
    this.#consumer = createStepConsumer(options.kafka, this.name);
    this.#topics = topicsOf(options.step);
    this.#offsets = new OffsetCommits(this.#consumer, options);
    this.#watchdog = setInterval(() => this.#watch(), WATCH_INTERVAL_MS);
    this.#listen();
  }

  /** Connects, joins the group and starts to fetch. Rejects when no broker answers. */
  async start(): Promise<void> {
    const topics = [...this.#topics];
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#options.partitions * topics.length,
      eachBatch: (payload) => this.#join(payload),
    });
  }

  /** Why the step is not working right now; null when it is. */
  trouble(): string | null {
    if (this.#paused) return 'paused: too many messages ended as faults';
    if (!this.#joined) return 'has not joined its group';
    return this.#runner.trouble();
  }

  /** Goes on after a flood of faults has paused the step. */
  resume(): void {
    this.#options.poison.reset();
    // kafkajs throws for a consumer that has not joined yet.
    if (!this.#paused) return;
    this.#paused = false;
    this.#consumer.resume(this.#topics.map((topic) => ({ topic })));
  }

  async stop(): Promise<void> {
    clearInterval(this.#watchdog);
    // Before leaving the group: afterwards the broker refuses them. A batch that still runs is read again.
    await this.#offsets.stop();
    await this.#consumer.stop();
    await this.#consumer.disconnect();
  }

  #listen(): void {
    const { stopping, metrics } = this.#options;
    const { GROUP_JOIN, FETCH_START, FETCH, CRASH, REQUEST } = this.#consumer.events;
    this.#consumer.on(REQUEST, ({ payload }) =>
      metrics.count('kafka_requests_total', { client: this.name, api: payload.apiName }),
    );
    this.#consumer.on(GROUP_JOIN, () => {
      this.#joined = true;
      // A consumer that kafkajs has restarted does not know that it was paused.
      if (this.#paused) this.#pauseTopics();
      // Offsets of partitions that moved away are their new member's to commit.
      this.#offsets.clear();
    });
    this.#consumer.on(FETCH_START, () => this.#progressed());
    this.#consumer.on(FETCH, () => this.#progressed());
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#joined = false;
      if (!payload.restart && !stopping.aborted) this.#giveUp(payload.error.message);
    });
  }

  #progressed(): void {
    this.#lastProgress = performance.now();
  }

  #watch(): void {
    if (this.#runner.trouble() !== null || this.#paused) this.#progressed();
    const idleMs = performance.now() - this.#lastProgress;
    if (!this.#joined || idleMs <= NO_PROGRESS_MS) return;
    this.#giveUp(`no fetch for ${Math.round(idleMs / 1000)} s`);
  }

  #giveUp(reason: string): void {
    const { logger, onFatal } = this.#options;
    logger.error({ step: this.name, reason }, 'only a new process can go on: this one ends');
    onFatal(`${this.name}: ${reason}`);
  }

  /** kafkajs calls this for each partition of a fetch, in one tick: the next tick sees them all. */
  #join(payload: EachBatchPayload): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      process.nextTick(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batches = this.#waiting;
      this.#waiting = [];
      try {
        await this.#runJoined(batches);
        for (const { resolve } of batches) resolve();
      } catch (error) {
        for (const { resolve, reject } of batches) {
          if (error instanceof Abandoned) resolve();
          else reject(asKafkaError(error));
        }
      }
    }
    this.#running = false;
  }

  async #runJoined(batches: readonly Joined[]): Promise<void> {
    const { poison, pace = UNDER_LOAD, stopping, failAt } = this.#options;
    const started = performance.now();
    const messages = batches.flatMap(({ payload }) => toDeliveries(payload));
    const heartbeat = async () => {
      this.#progressed();
      if (failAt) await failAt('step.before-heartbeat');
      await batches[0]?.payload.heartbeat();
    };
    for (let from = 0; from < messages.length; from += MAX_BATCH) {
      if (!batches[0]?.payload.isRunning()) throw new Abandoned('the consumer stops');
      const chunk = messages.slice(from, from + MAX_BATCH);
      const done = await this.#runner.run(chunk, { heartbeat });
      if (failAt) await failAt('step.before-resolve');
      this.#resolveOffsets(batches, chunk.slice(0, done));
      // What is not done is read again after the resume.
      if (poison.flooded()) return this.#pauseStep();
      await heartbeat();
    }
    await pause(restMs(pace, messages.length, performance.now() - started), stopping);
  }

  #resolveOffsets(batches: readonly Joined[], chunk: readonly Delivery[]): void {
    const last = new Map(chunk.map((message) => [`${message.topic}/${message.partition}`, message.offset]));
    for (const { payload } of batches) {
      const { topic, partition } = payload.batch;
      const offset = last.get(`${topic}/${partition}`);
      if (offset === undefined || payload.isStale()) continue;
      payload.resolveOffset(offset);
      this.#offsets.resolved(topic, partition, offset);
    }
  }

  #pauseTopics(): void {
    this.#consumer.pause(this.#topics.map((topic) => ({ topic })));
  }

  #pauseStep(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#pauseTopics();
    const { logger } = this.#options;
    logger.error(
      { step: this.name },
      'too many messages end as faults: the step is paused until it is resumed',
    );
  }
}

function toDeliveries({ batch: { topic, partition, messages } }: EachBatchPayload): Delivery[] {
  return messages.map((message) => {
    const delivery = {
      topic,
      partition,
      offset: message.offset,
      key: message.key,
      value: message.value,
      headers: message.headers ?? {},
    };
    const codec = unsupportedCompression(message);
    return codec === null ? delivery : { ...delivery, unsupportedCompression: codec };
  });
}

/** kafkajs ends a consumer for good on anything but its own errors (issue 1443): nothing else may leave a handler. */
function asKafkaError(error: unknown): unknown {
  if (error instanceof Error && error.name.startsWith('KafkaJS')) return error;
  return new kafkajs.KafkaJSError(error instanceof Error ? error : String(error), { retriable: true });
}
