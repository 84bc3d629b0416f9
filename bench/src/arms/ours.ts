import { join } from 'node:path';
import { startOnce, type Startable } from '@orderflow/local/backend';
import { startChild, type Running } from '@orderflow/local/child';
import { createDatabase, databaseUrls } from '@orderflow/local/databases';
import { SERVICE_NAMES, type Ports, type ProcessName, type ServiceName } from '@orderflow/local/ports';
import { reconcile } from '@orderflow/local/reconcile/reconcile';
import {
  databaseName,
  NODE_ARGS,
  prepareProcess,
  processEnv,
  SETTING_DEFAULTS,
} from '@orderflow/local/services';
import type { LauncherSettings } from '@orderflow/local/settings';
import type { Stack } from '@orderflow/local/stack-file';
import pg from 'pg';
import type { Arm, BenchBackends, RunningArm, ShopSize } from '../arm.ts';
import { readOrdersTable } from './orders-table.ts';
import { seedShop } from './ours-shop.ts';
import { renewTopics } from './renew-topics.ts';

export interface OursOptions {
  readonly name: string;
  readonly what: string;
  readonly root: string;
  readonly stateDir: string;
  readonly ports: Ports;
  /** Load goes through the gateway. */
  readonly gateway?: boolean;
  /** Processes of each service. */
  readonly instances?: number;
  /** Environment of all services, over the defaults. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words for node before the program: what an ablation loads. */
  readonly nodeArgs?: readonly string[];
  /** The order service's database begins as a copy of this one, instead of empty. */
  readonly orderTemplate?: string;
}

/** The product while it runs: what scenarios need beyond what every arm offers. */
export interface RunningOurs extends RunningArm {
  /** Superuser's URLs. */
  readonly databases: Readonly<Record<ServiceName, string>>;
  /** Where the first process of a service answers. */
  readonly services: Readonly<Record<ServiceName, string>>;
  /** SIGTERM to all processes of a service; resolves when they have ended. */
  stopService(name: ServiceName): Promise<void>;
  /** Starts again what `stopService` has stopped; resolves when it is ready. */
  startService(name: ServiceName): Promise<void>;
}

interface OursArm extends Arm {
  start(backends: BenchBackends, shop: ShopSize): Promise<RunningOurs>;
}

interface Started {
  readonly name: string;
  readonly running: Running;
}

/** Nobody's limits: the generator is one address with few users. */
const GATEWAY_ENV = { RATE_LIMIT_PER_USER: '0', RATE_LIMIT_PER_ADDRESS: '0' };

function urlIn(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

const byService = <Value>(value: (service: ServiceName) => Value) =>
  Object.fromEntries(SERVICE_NAMES.map((name) => [name, value(name)])) as Record<ServiceName, Value>;

/** The product as shipped: its five services over their five databases, and the gateway when asked for. */
export function ours(options: OursOptions): OursArm {
  return {
    name: options.name,
    what: options.what,
    async start(backends, shop) {
      const running: Started[] = [];
      try {
        await freshDatabases(backends.postgresUrl, options.orderTemplate);
        await renewTopics(backends.brokers);
        const plan = processPlan(options, backends);
        running.push(...(await startAll(plan)));
        const databases = byService((name) => urlIn(backends.postgresUrl, databaseName(name)));
        await seedShop(databases, shop);
        return handle(options, backends, databases, plan, running);
      } catch (error) {
        await stopAll(running);
        throw error;
      }
    },
  };
}

async function stopAll(running: readonly Started[]): Promise<void> {
  await Promise.all(running.map(({ running }) => running.stop()));
}

async function freshDatabases(adminUrl: string, orderTemplate: string | undefined): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    for (const service of SERVICE_NAMES) {
      await admin.query(
        `DROP DATABASE IF EXISTS ${admin.escapeIdentifier(databaseName(service))} WITH (FORCE)`,
      );
    }
    if (orderTemplate !== undefined) {
      const template = admin.escapeIdentifier(orderTemplate);
      // Copied as files: the default writes every page of it to the log.
      await admin.query(`CREATE DATABASE "order" TEMPLATE ${template} OWNER order_owner STRATEGY FILE_COPY`);
    }
  } finally {
    await admin.end();
  }
  for (const service of SERVICE_NAMES) await createDatabase(adminUrl, databaseName(service));
}

async function startAll(plan: readonly Startable[]): Promise<Started[]> {
  return Promise.all(
    plan.map(async (startable) => ({ name: startable.name, running: await startOnce(startable) })),
  );
}

function processPlan(options: OursOptions, backends: BenchBackends): Startable[] {
  const names: ProcessName[] = options.gateway === true ? ['gateway', ...SERVICE_NAMES] : [...SERVICE_NAMES];
  const plan: Startable[] = [];
  for (let instance = 0; instance < (options.instances ?? 1); instance += 1) {
    for (const name of names) {
      if (name === 'gateway' && instance > 0) continue;
      plan.push(planProcess(name, instance, options, backends));
    }
  }
  return plan;
}

function internalPorts({ ports, instances = 1 }: OursOptions): number[] {
  const first = SERVICE_NAMES.map((name) => ports[`${name}-internal`]);
  return Array.from({ length: instances }, (_, instance) =>
    first.map((port) => port + instance * INSTANCE_PORTS),
  ).flat();
}

/** Instances after the first listen on ports above those of the first. */
const INSTANCE_PORTS = 20;

function planProcess(
  name: ProcessName,
  instance: number,
  { root, stateDir, ports: first, env, nodeArgs = [] }: OursOptions,
  backends: BenchBackends,
): Startable {
  const ports = Object.fromEntries(
    Object.entries(first).map(([port, number]) => [port, number + instance * INSTANCE_PORTS]),
  ) as Ports;
  const settings: LauncherSettings = { root, stateDir, cacheDir: stateDir, ports, detours: {}, env: {} };
  const urls = byService((service) => databaseUrls(backends.postgresUrl, databaseName(service)));
  const stack = {
    gateway: `http://127.0.0.1:${first.gateway}`,
    services: byService((service) => `http://127.0.0.1:${first[service]}`),
    databases: byService((service) => urls[service].appUrl),
    kafka: { brokers: backends.brokers },
    redis: backends.redisUrl,
    settings: SETTING_DEFAULTS,
  } as Stack;
  const migrationUrl = name === 'gateway' ? null : urls[name].ownerUrl;
  const prepared = prepareProcess(name, settings, stack, migrationUrl);
  // The bench signs its own tokens.
  const wiring = Object.entries(processEnv(name, settings, stack, migrationUrl)).filter(
    ([variable]) => variable !== 'LOCAL_SIGNING_KEY_FILE',
  );
  return {
    ...prepared,
    launch: () =>
      startChild({
        command: process.execPath,
        args: [...NODE_ARGS, ...nodeArgs, join('dist', 'main.js')],
        cwd: join(root, 'services', name),
        env: {
          ...Object.fromEntries(wiring),
          ...backends.tokens,
          LOG_LEVEL: 'warn',
          ...(name === 'gateway' ? GATEWAY_ENV : {}),
          ...env,
        },
        log: prepared.log,
        ipc: true,
      }),
  };
}

function handle(
  options: OursOptions,
  backends: BenchBackends,
  databases: Readonly<Record<ServiceName, string>>,
  plan: readonly Startable[],
  running: Started[],
): RunningOurs {
  const services = byService((name) => `http://127.0.0.1:${options.ports[name]}`);
  const table = readOrdersTable(databases.order);
  return {
    ...table,
    openOrders: () => table.open(),
    metricsUrls: internalPorts(options).map((port) => `http://127.0.0.1:${port}/metrics`),
    url: options.gateway === true ? `http://127.0.0.1:${options.ports.gateway}` : services.order,
    get processes() {
      return running.map(({ name, running: { pid } }) => ({ name, pid }));
    },
    databases,
    services,
    async stopService(service) {
      const stopped = running.filter(({ name }) => name === service);
      running.splice(0, running.length, ...running.filter(({ name }) => name !== service));
      await stopAll(stopped);
    },
    async startService(service) {
      running.push(...(await startAll(plan.filter(({ name }) => name === service))));
    },
    verify: () => verifyBooks(databases, backends),
    stop: () => stopAll(running),
  };
}

async function verifyBooks(
  databases: Readonly<Record<ServiceName, string>>,
  kafka: BenchBackends,
): Promise<readonly string[]> {
  const result = await reconcile({ databases, kafka, waitMs: 30_000 });
  if (result.kind === 'not-at-rest') return result.waitingFor;
  const broken = result.invariants.filter(({ violations }) => violations > 0);
  const parked = Object.entries(result.deadLetters).map(
    ([name, count]) => `${count} dead letters in ${name}`,
  );
  return [...broken.map(({ id, violations }) => `${id}: ${violations} violations`), ...parked];
}
