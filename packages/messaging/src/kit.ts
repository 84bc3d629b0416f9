import type pg from 'pg';
import { TOPICS } from '@orderflow/shared-events/catalog';
import { createKafka, createRelayProducer, type KitLogger } from './kafka-client.ts';
import type { KitMetrics } from './kit-metrics.ts';
import type { Outbox, WriteContext } from './outbox.ts';
import { backOffMs, pause, within } from './pause.ts';
import { createPoisonMeter } from './poison.ts';
import { createPool } from './postgres.ts';
import { createRelay } from './relay.ts';
import { createConsumerOf, type Pace } from './step-consumer.ts';
import type { Step } from './step.ts';

export interface KitOptions {
  /** The service's name: client id at the broker and application name at the database. */
  readonly service: string;
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly outbox: Outbox;
  readonly steps: readonly { readonly step: Step; readonly pace?: Pace }[];
  readonly logger: KitLogger;
  readonly metrics: KitMetrics;
  /** More parked messages than this a minute, if they are also 5 % of all, pause the step; 0 turns it off. */
  readonly poisonPerMinute: number;
  /** Called once: the process must exit with an error and be started anew. */
  readonly onFatal: (reason: string) => void;
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
export function createKit(options: KitOptions) {
  const { service, brokers, outbox, logger, metrics, poisonPerMinute } = options;
  const pool: pg.Pool = createPool({ url: options.databaseUrl, name: service });
  const stopping = new AbortController();
  const kafka = createKafka({ clientId: service, brokers, logger });
  const producer = createRelayProducer(kafka);
  const relay = createRelay({ pool, outbox, producer, logger, metrics });
  const write: WriteContext = { pool, outbox, handOver: relay.handOver };

  let fatal: string | null = null;
  const onFatal = (reason: string) => {
    if (fatal !== null || stopping.signal.aborted) return;
    fatal = reason;
    options.onFatal(reason);
  };

  const consumers = options.steps.map(({ step, pace }) => {
    assertCatalogued(step);
    const partitions = Math.max(...TOPICS.map((topic) => topic.partitions));
    const poison = createPoisonMeter(poisonPerMinute);
    return createConsumerOf({
      ...write,
      step,
      pace,
      kafka,
      partitions,
      poison,
      logger,
      metrics,
      onFatal,
      stopping: stopping.signal,
    });
  });

  /** Start-up order does not matter: whatever is away is waited for, with a line a second at most. */
  async function untilDone(what: string, work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        logger.warn({ err: error, attempt }, `waiting for Kafka: ${what}`);
        await pause(backOffMs(attempt + 3), stopping.signal);
      }
    }
  }

  return {
    pool,
    write,
    /** Connects the relay and all steps; resolves when each has joined its group. */
    async start(): Promise<void> {
      await untilDone('relay', () => producer.connect());
      relay.start();
      await Promise.all(consumers.map((consumer) => untilDone(consumer.name, () => consumer.start())));
    },
    /** What must hold for the process to be ready, besides its database. */
    checks(): Health[] {
      const since = relay.failingSince();
      const relayFails = since !== null && Date.now() - since.getTime() > RELAY_GRACE_MS;
      return [
        health('relay', relayFails ? `sends have failed since ${since.toISOString()}` : null),
        ...consumers.map((consumer) => health(consumer.name, consumer.trouble())),
      ];
    },
    /** Progress only: whether a restart would help. */
    live: (): Health[] => [health('messaging', fatal)],
    /** Lets a step that a flood of faults has paused go on; false when there is no such step. */
    resume(stepName: string): boolean {
      const consumer = consumers.find(({ name }) => name === stepName);
      consumer?.resume();
      return consumer !== undefined;
    },
    /** Finishes or gives up the running batches, publishes what memory holds, closes all connections. */
    async stop(): Promise<void> {
      stopping.abort();
      await within(STOP_MS.consumers, Promise.allSettled(consumers.map((consumer) => consumer.stop())));
      await relay.stop(STOP_MS.relay);
      await within(STOP_MS.connections, Promise.allSettled([producer.disconnect(), pool.end()]));
    },
  };
}

export type Kit = ReturnType<typeof createKit>;

function health(name: string, detail: string | null): Health {
  return detail === null ? { name, ok: true } : { name, ok: false, detail };
}

/** A step reads exactly the topics that the catalog gives it: groups with differing lists leave partitions unread. */
function assertCatalogued(step: Step): void {
  const catalogued = TOPICS.filter((topic) => (topic.consumers as readonly string[]).includes(step.name));
  const topics = catalogued.map((topic) => topic.name).sort();
  const own = step.on.map((contract) => contract.topic).sort();
  if (topics.join() !== own.join()) {
    throw new Error(
      `step ${step.name} reads ${own.join(', ')}; the catalog says ${topics.join(', ') || 'nothing'}`,
    );
  }
}
