import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startOnce, type Startable } from '@orderflow/local/backend';
import type { Running } from '@orderflow/local/child';
import { prepareKafka } from '@orderflow/local/kafka';
import { preparePostgres } from '@orderflow/local/postgres';
import type { Ports } from '@orderflow/local/ports';
import { prepareRedis } from '@orderflow/local/redis';
import pg from 'pg';
import type { BenchBackends, CountedProcess } from './arm.ts';
import { startTokens, type Tokens } from './tokens.ts';

/** Real Postgres, Kafka and Redis of the bench's own, and the tokens of its users. */
export interface StartedBackends extends BenchBackends {
  readonly processes: readonly CountedProcess[];
  readonly userTokens: Tokens;
  /** A superuser's session in the database `postgres`. */
  readonly admin: pg.Client;
  stop(): Promise<void>;
}

/**
 * Durable as in production: fsync and synchronous_commit stay on (infra/local sets them). Sized as one would size a
 * server that is measured; commit time stamps and counts of statements are what the bench reads.
 */
const POSTGRES_SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  track_commit_timestamp: 'on',
  shared_preload_libraries: 'pg_stat_statements',
};

export interface BackendOptions {
  readonly dir: string;
  readonly kafkaLibs: string;
  readonly ports: Ports;
  readonly armPort: number;
  readonly users: number;
}

/** Starts all three side by side. @throws StartFailure when one does not start; then none is left. */
export async function startBackends(options: BackendOptions): Promise<StartedBackends> {
  const { dir, ports, armPort } = options;
  const logDir = join(dir, 'logs');
  mkdirSync(logDir, { recursive: true });
  const place = (name: 'postgres' | 'kafka' | 'redis') => ({
    dir: join(dir, name),
    port: ports[name],
    log: join(logDir, `${name}.log`),
  });
  const [postgres, kafka] = await Promise.all([
    preparePostgres({ ...place('postgres'), settings: POSTGRES_SETTINGS }),
    prepareKafka({
      ...place('kafka'),
      controllerPort: ports['kafka-controller'],
      libs: options.kafkaLibs,
    }),
  ]);
  const redis = prepareRedis(place('redis'));
  const started = await startAll([postgres, kafka, redis]);
  const userTokens = await startTokens(options.users, join(dir, 'tokens.txt'));
  const admin = new pg.Client({ connectionString: postgres.url, application_name: 'bench' });
  await admin.connect();
  await admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  return {
    postgresUrl: postgres.url,
    brokers: kafka.brokers,
    redisUrl: redis.url,
    tokens: userTokens.env,
    armPort,
    logDir,
    admin,
    userTokens,
    processes: started.map(({ name, running }) => ({ name, pid: running.pid })),
    async stop() {
      await userTokens.close();
      await admin.end();
      await Promise.all(started.map(({ running }) => running.stop()));
    },
  };
}

async function startAll(startables: readonly Startable[]): Promise<{ name: string; running: Running }[]> {
  const results = await Promise.allSettled(
    startables.map(async (startable) => ({ name: startable.name, running: await startOnce(startable) })),
  );
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return started;
  await Promise.all(started.map(({ running }) => running.stop()));
  throw failed.reason;
}
