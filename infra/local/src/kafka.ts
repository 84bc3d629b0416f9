import { execa } from 'execa';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka as KafkaClient, logLevel } from 'kafkajs';
import { startOnce, type Startable } from './backend.ts';
import { startChild } from './child.ts';
import { StartFailure } from './failure.ts';
import { acceptsConnections } from './readiness.ts';
import { systemEnv } from './system-env.ts';

export interface KafkaOptions {
  /** Folder of the broker's configuration and data. */
  readonly dir: string;
  readonly port: number;
  /** Port of the KRaft controller listener; the next one by default. */
  readonly controllerPort?: number;
  /** Where the broker tells its clients to find it; at its port by default. */
  readonly advertisedPort?: number;
  /** Folder of the jars that infra/local/kafka/pom.xml names. */
  readonly libs: string;
  /** Log file. */
  readonly log: string;
}

export interface Kafka {
  readonly brokers: readonly string[];
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 90_000;
/** Fixed: the folder holds one broker's data and nothing joins it. */
const CLUSTER_ID = 'b3JkZXJmbG93LWxvY2FsMQ';
const COORDINATOR_PROBE = 'orderflow.launcher-probe';

/** One node does everything: each replication factor is 1, and nothing waits for a second member. */
function serverProperties(options: KafkaOptions, controllerPort: number): string {
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'BROKER',
    listeners: `BROKER://127.0.0.1:${options.port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${options.advertisedPort ?? options.port}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(options.dir, 'data'),
    'auto.create.topics.enable': 'false',
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    // After kill -9 the new broker waits until the old one's session has ended: 4 s instead of 9.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 1000,
    // Longer than any topic's retention: a stack that rested for a month goes on where it stopped.
    'offsets.retention.minutes': 30 * 24 * 60,
    // How old metadata may look to a second member that is not there: each 500 ms a record, synced to the disk.
    'metadata.max.idle.interval.ms': 60_000,
    'num.io.threads': 2,
    'num.network.threads': 2,
    // The default of 128 MB is allocated at once, for compacting one small topic.
    'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

function javaCommand(env: Readonly<Record<string, string>>): string {
  const home = env['JAVA_HOME'];
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

/** Loggers that write a page for each partition at every start. */
const QUIET_LOGGERS = [
  'state.change.logger',
  'kafka.cluster.Partition',
  'kafka.log',
  'org.apache.kafka.common.config',
  'org.apache.kafka.storage.internals.log',
];

function javaArgs(options: KafkaOptions): string[] {
  return [
    '-Xms256m',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    // The second compiler takes minutes of both cores' time to pay off; with the first alone an order costs the broker
    // 72 µs after half a minute, where it was 119 to 308, and an idle broker's first orders wait less.
    '-XX:TieredStopAtLevel=1',
    // Counters for jstat: a thread that wakes twenty times a second to fill them.
    '-XX:-UsePerfData',
    '-Djava.awt.headless=true',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
    ...QUIET_LOGGERS.map((logger) => `-Dorg.slf4j.simpleLogger.log.${logger}=warn`),
    '-cp',
    join(options.libs, '*'),
  ];
}

/** Formats the storage when there is none. A half-made one never gets the final name. */
async function format(options: KafkaOptions, config: string, env: Record<string, string>): Promise<void> {
  const data = join(options.dir, 'data');
  if (existsSync(join(data, 'meta.properties'))) return;
  // StorageTool writes into log.dirs, so it is formatted in place; without meta.properties it counts as none.
  rmSync(data, { recursive: true, force: true });
  const tool = [...javaArgs(options), 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
  const result = await execa(javaCommand(env), tool, {
    reject: false,
    all: true,
    stdin: 'ignore',
    env,
    extendEnv: false,
  });
  if (result.failed)
    throw new StartFailure(`Kafka's storage cannot be formatted: ${result.all ?? result.shortMessage}`);
}

/**
 * Null when the broker has a group coordinator. The first look makes __consumer_offsets; until it is there every
 * consumer would log "group coordinator is not available".
 */
async function findCoordinator(brokers: string[], port: number): Promise<string | null> {
  if (!(await acceptsConnections(port))) return `nothing listens on port ${port}`;
  const client = new KafkaClient({
    clientId: 'orderflow-launcher',
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 5000,
    // More than none: kafkajs learns the brokers' addresses in a retry of its own.
    retry: { retries: 3, initialRetryTime: 50 },
  });
  const admin = client.admin();
  try {
    await admin.connect();
    await admin.describeGroups([COORDINATOR_PROBE]);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Writes the configuration, formats the storage when there is none, and returns how to start the broker.
 *
 * @throws StartFailure when the jars are missing or the format fails.
 */
export async function prepareKafka(
  options: KafkaOptions,
): Promise<Startable & { readonly brokers: readonly string[] }> {
  if (!existsSync(options.libs))
    throw new StartFailure(`Kafka's jars are not in ${options.libs}: run npm start once.`);
  const env = systemEnv();
  mkdirSync(options.dir, { recursive: true });
  const config = join(options.dir, 'server.properties');
  writeFileSync(`${config}.draft`, serverProperties(options, options.controllerPort ?? options.port + 1));
  renameSync(`${config}.draft`, config);
  await format(options, config, env);
  const brokers = [`127.0.0.1:${options.port}`];
  return {
    name: 'kafka',
    log: options.log,
    readyLimitMs: READY_LIMIT_MS,
    brokers,
    launch: () =>
      startChild({
        command: javaCommand(env),
        args: [...javaArgs(options), 'kafka.Kafka', config],
        env,
        log: options.log,
      }),
    check: () => findCoordinator(brokers, options.port),
  };
}

/** Starts a broker and waits until consumers can join. For tests; the launcher keeps its own alive besides. */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const startable = await prepareKafka(options);
  const running = await startOnce(startable);
  return { brokers: startable.brokers, pid: running.pid, stop: () => running.stop() };
}
