import kafkajs from 'kafkajs';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { Abandoned, createBatchRunner, type BatchRunnerOptions } from './batch-runner.ts';
import { createStepConsumer, type KitLogger } from './kafka-client.ts';
import { pause } from './pause.ts';
import { unsupportedCompression } from './record-codec.ts';
import type { Delivery } from './step.ts';

export interface Pace {
  /** A run starts at the earliest this long after the one before it … */
  readonly intervalMs: number;
  /** … if that one carried at least so many messages: pacing single ones costs latency and saves nothing. */
  readonly fromMessages: number;
}

export interface StepConsumerOptions extends BatchRunnerOptions {
  readonly kafka: Kafka;
  readonly partitions: number;
  readonly pace?: Pace | undefined;
  /** The consumer is beyond help: the process must exit and be started anew. */
  readonly onFatal: (reason: string) => void;
}

/** Events of one transaction: bounds its time to well under the session time-out. */
const MAX_BATCH = 1_000;
/** Replaying a second's events is harmless, an offset commit a batch is a request a batch. */
const COMMIT_INTERVAL_MS = 1_000;
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
export function createConsumerOf(options: StepConsumerOptions) {
  const { step, logger, poison, stopping, onFatal, pace } = options;
  const runner = createBatchRunner(options);
  const consumer = createStepConsumer(options.kafka, step.name);
  const topics = step.on.map((contract) => contract.topic);
  const offsets = offsetCommits(consumer, logger);
  let waiting: Joined[] = [];
  let running = false;
  let joined = false;
  let paused = false;
  let lastProgress = Date.now();

  consumer.on(consumer.events.GROUP_JOIN, () => {
    joined = true;
    // Offsets of partitions that moved away are their new member's to commit.
    offsets.clear();
  });
  consumer.on(consumer.events.FETCH_START, progressed);
  consumer.on(consumer.events.FETCH, progressed);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    joined = false;
    if (!payload.restart && !stopping.aborted) onFatal(`${step.name}: ${payload.error.message}`);
  });

  const watchdog = setInterval(() => {
    if (runner.trouble() !== null || paused) return progressed();
    const idleMs = Date.now() - lastProgress;
    if (joined && idleMs > NO_PROGRESS_MS)
      onFatal(`${step.name}: no fetch for ${Math.round(idleMs / 1000)} s`);
  }, 5_000);

  function progressed(): void {
    lastProgress = Date.now();
  }

  /** kafkajs calls this for each partition of a fetch, in one tick: the next tick sees them all. */
  function join(payload: EachBatchPayload): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ payload, resolve, reject });
      if (!running) {
        running = true;
        process.nextTick(() => void drain());
      }
    });
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batches = waiting;
      waiting = [];
      try {
        await runJoined(batches);
        for (const { resolve } of batches) resolve();
      } catch (error) {
        for (const { resolve, reject } of batches) {
          if (error instanceof Abandoned) resolve();
          else reject(asKafkaError(error));
        }
      }
    }
    running = false;
  }

  async function runJoined(batches: readonly Joined[]): Promise<void> {
    const started = performance.now();
    const messages = batches.flatMap(({ payload }) => toDeliveries(payload));
    const keeper = {
      heartbeat: async () => {
        progressed();
        await batches[0]?.payload.heartbeat();
      },
    };
    for (let from = 0; from < messages.length; from += MAX_BATCH) {
      if (!batches[0]?.payload.isRunning()) throw new Abandoned('the consumer stops');
      const chunk = messages.slice(from, from + MAX_BATCH);
      await runner.run(chunk, keeper);
      resolveOffsets(batches, chunk);
      if (poison.flooded() && !paused) pauseStep();
      await keeper.heartbeat();
    }
    if (pace && messages.length >= pace.fromMessages) {
      await pause(started + pace.intervalMs - performance.now(), stopping);
    }
  }

  function resolveOffsets(batches: readonly Joined[], chunk: readonly Delivery[]): void {
    const last = new Map(chunk.map((message) => [`${message.topic}/${message.partition}`, message.offset]));
    for (const { payload } of batches) {
      const { topic, partition } = payload.batch;
      const offset = last.get(`${topic}/${partition}`);
      if (offset === undefined || payload.isStale()) continue;
      payload.resolveOffset(offset);
      offsets.resolved(topic, partition, offset);
    }
  }

  function pauseStep(): void {
    paused = true;
    consumer.pause(topics.map((topic) => ({ topic })));
    logger.error(
      { step: step.name },
      'too many messages end as faults: the step is paused until it is resumed',
    );
  }

  return {
    name: step.name,
    /** Connects, joins the group and starts to fetch. Rejects when no broker answers. */
    async start(): Promise<void> {
      await consumer.connect();
      await consumer.subscribe({ topics, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: options.partitions * topics.length,
        eachBatch: join,
      });
    },
    /** Why the step is not working right now; null when it is. */
    trouble(): string | null {
      if (paused) return 'paused: too many messages ended as faults';
      if (!joined) return 'has not joined its group';
      return runner.trouble();
    },
    resume(): void {
      poison.reset();
      // kafkajs throws for a consumer that has not joined yet.
      if (!paused) return;
      paused = false;
      consumer.resume(topics.map((topic) => ({ topic })));
    },
    async stop(): Promise<void> {
      clearInterval(watchdog);
      // Before leaving the group: afterwards the broker refuses them. A batch that still runs is read again.
      await offsets.stop();
      await consumer.stop();
      await consumer.disconnect();
    },
  };
}

export type StepConsumer = ReturnType<typeof createConsumerOf>;

/** Commits what is resolved once a second, also when no batch follows: the lag at rest is then zero. */
function offsetCommits(consumer: Consumer, logger: KitLogger) {
  const next = new Map<string, { topic: string; partition: number; offset: string }>();

  async function commit(): Promise<void> {
    if (next.size === 0) return;
    const resolved = [...next.values()];
    next.clear();
    try {
      await consumer.commitOffsets(resolved);
    } catch (error) {
      // Whoever gets the partitions next reads these events again, without effect.
      logger.debug({ err: error }, 'offsets not committed');
    }
  }
  const timer = setInterval(() => void commit(), COMMIT_INTERVAL_MS);

  return {
    resolved(topic: string, partition: number, offset: string): void {
      next.set(`${topic}/${partition}`, { topic, partition, offset: (BigInt(offset) + 1n).toString() });
    },
    clear: () => next.clear(),
    async stop(): Promise<void> {
      clearInterval(timer);
      await commit();
    },
  };
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
