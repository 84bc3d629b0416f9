import type pg from 'pg';
import type { Producer } from 'kafkajs';
import { createKafka, createRelayProducer, type KitLogger } from './kafka-client.ts';
import type { ReplayOutcome } from './dead-letters.ts';
import type { FailAt } from './failpoints.ts';
import type { KitMetrics } from './kit-metrics.ts';
import { LagReader, type PartitionLag } from './lag.ts';
import { meterPublished, readOutboxBacklog, type OutboxStatus } from './outbox-status.ts';
import type { Outbox, WriteContext } from './outbox.ts';
import type { Pace } from './pace.ts';
import { backOffMs, pause, within } from './pause.ts';
import { createPoisonMeter } from './poison.ts';
import { createPool } from './postgres.ts';
import { replayDeadLetter, type ReplayOptions, type ReplayRefused } from './replay.ts';
import { Relay } from './relay.ts';
import { StepConsumer } from './step-consumer.ts';
import { topicsOf, type Fact, type Step } from './step.ts';

/** What the kit asks of the topic catalog. */
export interface CataloguedTopic {
  readonly name: string;
  readonly consumers: readonly string[];
  readonly partitions: number;
}

export interface KitOptions {
  /** The service's name: client id at the broker and application name at the database. */
  readonly service: string;
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  /** False puts kafkajs' own record codec back: the switch for a suspected fault of ours. */
  readonly ownCodec?: boolean;
  /** The catalog: each step reads exactly the topics that it gives the step. */
  readonly topics: readonly CataloguedTopic[];
  readonly outbox: Outbox;
  readonly steps: readonly {
    readonly step: Step;
    /** `UNDER_LOAD` unless told otherwise. */
    readonly pace?: Pace;
    /** Told of the facts of each of the step's commits, replays included, right after it. Never blocks, never throws. */
    readonly committed?: (facts: readonly Fact[]) => void;
  }[];
  readonly logger: KitLogger;
  readonly metrics: KitMetrics;
  /** More parked messages than this a minute, if they are also 5 % of all, pause the step; 0 turns it off. */
  readonly poisonPerMinute: number;
  /** Called once: the process must exit with an error and be started anew. */
  readonly onFatal: (reason: string) => void;
  /** For tests alone. */
  readonly failAt?: FailAt | undefined;
}

export interface Health {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

/** A relay that fails for longer than this makes the process not ready. */
const RELAY_GRACE_MS = 10_000;
/**
 * Together below the 5 s that a process has to stop. Each part is bounded by itself: without a broker a consumer takes
 * 10 s to leave (measured), and the relay and the pool are to have their turn all the same.
 */
const STOP_MS = { consumers: 2_000, relay: 1_500, connections: 1_000 };

/** All of a service's messaging: the pool of its writes, its relay and the consumers of its steps. */
export class Kit {
  readonly pool: pg.Pool;
  /** What writes outside the steps commit through. */
  readonly write: WriteContext;
  readonly #options: KitOptions;
  readonly #stopping = new AbortController();
  readonly #producer: Producer;
  readonly #relay: Relay;
  readonly #consumers: readonly StepConsumer[];
  readonly #published: ReturnType<typeof meterPublished>;
  readonly #lag: LagReader;
  #fatal: string | null = null;

  /** @throws Error for a step whose topics are not those of the catalog */
  constructor(options: KitOptions) {
    const { service, brokers, outbox, logger, metrics, topics, failAt } = options;
    this.#options = options;
    this.#published = meterPublished(metrics);
    this.pool = createPool({ url: options.databaseUrl, name: service });
    const kafka = createKafka({ clientId: service, brokers, logger, ownCodec: options.ownCodec ?? true });
    this.#producer = createRelayProducer(kafka);
    this.#producer.on(this.#producer.events.REQUEST, ({ payload }) =>
      metrics.count('kafka_requests_total', { client: 'relay', api: payload.apiName }),
    );
    this.#relay = new Relay({
      pool: this.pool,
      outbox,
      producer: this.#producer,
      logger,
      metrics: this.#published.metrics,
      failAt,
    });
    this.write = { pool: this.pool, outbox, handOver: this.#relay.handOver, failAt };
    this.#consumers = options.steps.map(({ step, pace, committed }) => {
      assertCatalogued(step, topics);
      return new StepConsumer({
        ...this.write,
        step,
        pace,
        committed,
        kafka,
        partitions: Math.max(...topics.map((topic) => topic.partitions)),
        poison: createPoisonMeter(options.poisonPerMinute),
        logger,
        metrics,
        onFatal: (reason) => this.#fail(reason),
        stopping: this.#stopping.signal,
      });
    });
    this.#lag = new LagReader({
      kafka,
      steps: options.steps.map(({ step }) => ({ name: step.name, topics: topicsOf(step) })),
    });
  }

  /** Connects the relay and starts all steps, however long the broker takes to come; `checks` tells when they work. */
  async start(): Promise<void> {
    await this.#untilDone('relay', () => this.#producer.connect());
    this.#relay.start();
    await Promise.all(
      this.#consumers.map((consumer) => this.#untilDone(consumer.name, () => consumer.start())),
    );
  }

  /** What must hold for the process to be ready, besides its database. */
  checks(): Health[] {
    const since = this.#relay.failingSince();
    const relayFails = since !== null && Date.now() - since.getTime() > RELAY_GRACE_MS;
    return [
      health('relay', relayFails ? `sends have failed since ${since.toISOString()}` : null),
      ...this.#consumers.map((consumer) => health(consumer.name, consumer.trouble())),
    ];
  }

  /** Progress only: whether a restart would help. */
  live(): Health[] {
    return [health('messaging', this.#fatal)];
  }

  /** Lets a step that a flood of faults has paused go on; false when there is no such step. */
  resume(stepName: string): boolean {
    const consumer = this.#consumers.find(({ name }) => name === stepName);
    consumer?.resume();
    return consumer !== undefined;
  }

  /** Runs a step once more on a parked message and closes the dead letter (see `replayDeadLetter`). */
  async replay(
    stepName: string,
    id: number,
    options: ReplayOptions,
  ): Promise<ReplayOutcome | ReplayRefused | null> {
    const found = this.#options.steps.find(({ step }) => step.name === stepName);
    if (!found) return { refused: 'STEP_NOT_FOUND', why: `this release has no step ${stepName}` };
    const { step, committed } = found;
    return replayDeadLetter({ ...this.write, step, committed }, id, options);
  }

  /** What is still to be published, by all instances, and how fast this one publishes. */
  async outboxStatus(): Promise<OutboxStatus> {
    return {
      ...(await readOutboxBacklog(this.pool)),
      publishedPerSecond: this.#published.perSecond(),
      failingSince: this.#relay.failingSince(),
    };
  }

  /**
   * How far this service's steps are behind their topics, at most a second old.
   * @throws BrokerAway
   */
  lag(): Promise<readonly PartitionLag[]> {
    return this.#lag.read();
  }

  /** Finishes or gives up the running batches, publishes what memory holds, closes all connections. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const consumers = Promise.allSettled(this.#consumers.map((consumer) => consumer.stop()));
    await within(STOP_MS.consumers, consumers);
    await this.#relay.stop(STOP_MS.relay);
    await within(
      STOP_MS.connections,
      Promise.allSettled([this.#producer.disconnect(), this.#lag.close(), this.pool.end()]),
    );
  }

  #fail(reason: string): void {
    if (this.#fatal !== null || this.#stopping.signal.aborted) return;
    this.#fatal = reason;
    this.#options.onFatal(reason);
  }

  /** Start-up order does not matter: whatever is away is waited for, with a line every two seconds at most. */
  async #untilDone(what: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        this.#options.logger.warn({ err: error, attempt }, `waiting for Kafka: ${what}`);
        await pause(backOffMs(attempt + 3), signal);
      }
    }
  }
}

function health(name: string, detail: string | null): Health {
  return detail === null ? { name, ok: true } : { name, ok: false, detail };
}

/** A step reads exactly the topics that the catalog gives it: groups with differing lists leave partitions unread. */
function assertCatalogued(step: Step, catalog: readonly CataloguedTopic[]): void {
  const catalogued = catalog.filter((topic) => topic.consumers.includes(step.name));
  const topics = catalogued.map((topic) => topic.name).sort();
  const own = topicsOf(step).sort();
  if (topics.join() !== own.join()) {
    throw new Error(
      `step ${step.name} reads ${own.join(', ')}; the catalog says ${topics.join(', ') || 'nothing'}`,
    );
  }
}
