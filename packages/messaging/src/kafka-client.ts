import { connect, type Socket } from 'node:net';
import kafkajs from 'kafkajs';
import type {
  Consumer,
  ConsumerConfig,
  Kafka,
  LogEntry,
  Producer,
  ProducerConfig,
  RetryOptions,
} from 'kafkajs';
import { calmIdleTimers } from './idle-timers.ts';
import { keyPartitioner } from './partitioner.ts';
import { useRecordCodec } from './record-codec.ts';

/** What the kit needs of a logger; pino has it. */
export interface KitLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface KafkaOptions {
  /** Shown in the broker's logs and quotas: the service's name. */
  readonly clientId: string;
  /** `host:port` each; one that answers is enough. */
  readonly brokers: readonly string[];
  readonly logger: KitLogger;
  /** False puts kafkajs' own record codec back, for the whole process: the switch for a suspected codec fault. */
  readonly ownCodec?: boolean;
}

/** A broker that does not answer a request within this is taken for gone; also what a relay's send may take. */
export const REQUEST_TIMEOUT_MS = 10_000;

/**
 * One layer of retries: 0.1 + 0.2 + 0.4 + 0.8 + 1 + 1 s. kafkajs nests such layers, and a broker that comes back is
 * to be noticed within about a second, so the last waits are short.
 */
const RETRY = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  multiplier: 2,
  factor: 0.2,
  retries: 6,
} satisfies RetryOptions;

/**
 * A consumer that failed this often in this time is left crashed: its process exits, its supervisor starts a new one.
 * One failure with the broker away takes 4.6 s (measured), so a broker may be away for two minutes.
 */
export const RESTARTS_MAX = 30;
export const RESTARTS_WINDOW_MS = 10 * 60_000;

/**
 * The kafkajs client of a process, with the patches of this package in place; connects to nothing yet.
 * @throws Error when kafkajs is not the release that the patches were written for.
 */
export function createKafka({ clientId, brokers, logger, ownCodec = true }: KafkaOptions): Kafka {
  calmIdleTimers();
  useRecordCodec(ownCodec);
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: 3_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Half-open connections hang for ever otherwise (issue 1163).
    enforceRequestTimeout: true,
    socketFactory: ({ host, port, onConnect }) => openSocket(host, port, onConnect),
    retry: RETRY,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => log(logger, entry),
  });
}

const KEEP_ALIVE_MS = 60_000;

/**
 * kafkajs' own socket lets Nagle's algorithm hold a request back until the answer to the last one is acknowledged:
 * without that an idle stack pays an order in 36 ms instead of 48 (medians of 20).
 */
function openSocket(host: string, port: number, onConnect: () => void): Socket {
  const socket = connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** The parts of kafkajs that speak once a failure, not once an attempt. */
const HEARD = new Set(['Consumer', 'ConsumerGroup', 'Runner']);

/**
 * kafkajs calls each attempt that it will repeat an error: one consumer and one producer wrote 380 of them in a minute
 * without a broker. What does fail reaches the caller, as a rejection or a CRASH, and is the caller's to log.
 */
function log(logger: KitLogger, { namespace, level, log: entry }: LogEntry): void {
  const { message, ...extra } = entry;
  // The logger stamps its own time; `kafkajs` names the part of the client.
  const fields = { ...extra, kafkajs: namespace, logger: undefined, timestamp: undefined };
  const bad = level === kafkajs.logLevel.ERROR || level === kafkajs.logLevel.WARN;
  if (bad && HEARD.has(namespace)) logger.warn(fields, message);
  else logger.debug(fields, message);
}

/** @see createRelayProducer */
export const RELAY_PRODUCER = {
  // The idempotent producer reuses a sequence number after a lost response: the broker then acknowledges an event
  // that it drops (issue 1005). Events carry their identity themselves, so a repeated send is harmless.
  idempotent: false,
  // One send in flight a broker, so one a partition: a retry cannot overtake the send after it.
  maxInFlightRequests: 1,
  // The number of partitions is part of the contract: topics are created from the catalog.
  allowAutoTopicCreation: false,
  createPartitioner: keyPartitioner,
  // Enough for a partition that changed its leader. Beyond that the relay sends the same rows again itself.
  retry: { ...RETRY, retries: 2 },
} satisfies ProducerConfig;

/**
 * The producer of a relay. The caller sends with `acks: -1`, awaits each send, and keeps its rows until then. A send
 * fails after 7 s without a broker and after 30 to 33 s with one that does not answer (three attempts); what a failed
 * send sent may still arrive, so its repetition is a repetition.
 */
export function createRelayProducer(kafka: Kafka): Producer {
  return kafka.producer(RELAY_PRODUCER);
}

/** @see createStepConsumer */
export const STEP_CONSUMER = {
  // The broker's minimum: with kafkajs' 30 s a killed member blocks its group for half a minute.
  sessionTimeout: 6_000,
  heartbeatInterval: 1_500,
  rebalanceTimeout: 10_000,
  // A heartbeat is sent only between fetches, so this bounds how late a rebalance is noticed (kafkajs' 5 s: measured
  // as a 5 s rebalance); 250 ms cost ten idle consumers 9 % of a core.
  maxWaitTimeInMs: 1_500,
  minBytes: 1,
  // Not below the broker's largest message (1,048,588 bytes with its frame): only the first partition of a fetch
  // that holds anything may exceed its limit, so a large message further down would wait for all before it.
  maxBytesPerPartition: 1_200_000,
  maxBytes: 8_000_000,
  allowAutoTopicCreation: false,
} satisfies Omit<ConsumerConfig, 'groupId'>;

/**
 * The consumer of one step; `groupId` is the step's name. Subscribe with `fromBeginning: true`: without it a group
 * whose offset is gone starts at the end and skips what it missed (issue 1119).
 */
export function createStepConsumer(kafka: Kafka, groupId: string): Consumer {
  const mayRestart = restartBudget(RESTARTS_MAX, RESTARTS_WINDOW_MS, Date.now);
  return kafka.consumer({
    ...STEP_CONSUMER,
    groupId,
    retry: { ...RETRY, restartOnFailure: () => Promise.resolve(mayRestart()) },
  });
}

/**
 * Says yes `max` times within any `windowMs`, then no: restarts without end hide an outage from everyone but the
 * users. After a no the CRASH event has `restart: false`.
 */
export function restartBudget(max: number, windowMs: number, now: () => number): () => boolean {
  let granted: number[] = [];
  return () => {
    const time = now();
    granted = granted.filter((at) => at > time - windowMs);
    if (granted.length >= max) return false;
    granted.push(time);
    return true;
  };
}
