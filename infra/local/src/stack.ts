import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Startable } from './backend.ts';
import { createDatabase, databaseUrls, type DatabaseUrls } from './databases.ts';
import { EXIT, StartFailure } from './failure.ts';
import { prepareKafka } from './kafka.ts';
import { endLeftovers, isRunning } from './leftovers.ts';
import { checkPortsFree, PROCESS_NAMES, SERVICE_NAMES, type ProcessName, type ServiceName } from './ports.ts';
import { postgresUrl, preparePostgres } from './postgres.ts';
import { startTimeOf } from './process-table.ts';
import { prepareRedis } from './redis.ts';
import { databaseName, prepareProcess, SETTING_DEFAULTS } from './services.ts';
import { STATE_DIR_VARIABLE, type LauncherSettings } from './settings.ts';
import { readStack, removeStack, writeStack, type Stack } from './stack-file.ts';
import { supervise, type Supervised, type SupervisorEvent } from './supervisor.ts';
import { createTopics } from './topics.ts';

export type BackendName = 'postgres' | 'kafka' | 'redis';

/** Order of an orderly stop, 10 s in all: time before the next group is asked too, and time until SIGKILL. */
const STOP_ORDER: ReadonlyArray<{ names: readonly string[]; headStartMs: number; limitMs: number }> = [
  { names: ['gateway'], headStartMs: 1000, limitMs: 5000 },
  { names: SERVICE_NAMES, headStartMs: 5000, limitMs: 5000 },
  { names: ['kafka', 'redis'], headStartMs: 2500, limitMs: 2500 },
  { names: ['postgres'], headStartMs: 1500, limitMs: 1500 },
];

/** A stack under construction, running or stopping. Its methods are steps that the launcher shows one by one. */
export interface StackRun {
  current(): Stack;
  startBackend(name: BackendName): Promise<void>;
  createDatabases(): Promise<void>;
  createTopics(): Promise<void>;
  startProcess(name: ProcessName): Promise<void>;
  markReady(): void;
  /** Stops everything in order within 10 s, a start in progress included. */
  stop(): Promise<void>;
  /** Sends SIGKILL to everything. Data survive that. */
  kill(): void;
}

/** Folders that --fresh removes: all data, not the signing key. */
const DATA_FOLDERS = ['postgres', 'kafka', 'redis', 'logs'];

function record<K extends string, V>(keys: readonly K[], value: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, V>;
}

function urlsOf(settings: LauncherSettings): Record<ServiceName, DatabaseUrls> {
  const { stateDir, ports, detours } = settings;
  const adminUrl = postgresUrl({ dir: join(stateDir, 'postgres'), port: detours.postgres ?? ports.postgres });
  return record(SERVICE_NAMES, (service) => databaseUrls(adminUrl, databaseName(service)));
}

function describe(settings: LauncherSettings): Stack {
  const { ports, detours, env } = settings;
  const http = (port: number) => `http://127.0.0.1:${port}`;
  const urls = urlsOf(settings);
  return {
    gateway: http(ports.gateway),
    services: record(SERVICE_NAMES, (name) => http(ports[name])),
    internal: record(PROCESS_NAMES, (name) => http(ports[`${name}-internal`])),
    databases: record(SERVICE_NAMES, (name) => urls[name].appUrl),
    kafka: { brokers: [`127.0.0.1:${detours.kafka ?? ports.kafka}`] },
    redis: `redis://127.0.0.1:${ports.redis}`,
    settings: {
      BALANCE_MAX: env['BALANCE_MAX'] ?? SETTING_DEFAULTS.BALANCE_MAX,
      PAYMENT_LIMIT: env['PAYMENT_LIMIT'] ?? SETTING_DEFAULTS.PAYMENT_LIMIT,
      SALES_TIME_ZONE: env['SALES_TIME_ZONE'] ?? SETTING_DEFAULTS.SALES_TIME_ZONE,
    },
    pids: {},
    startTimes: {},
    launcher: { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' },
    readyAt: null,
  };
}

/**
 * Makes the state folder and the ports ours: ends what a crashed launcher left, wipes data when `fresh`.
 *
 * @returns names of the leftovers that were ended.
 * @throws StartFailure (69) when a port is taken or a stack runs from this folder.
 */
export async function claimState(settings: LauncherSettings, fresh: boolean): Promise<string[]> {
  const { stateDir } = settings;
  const previous = readStack(stateDir);
  const running = previous !== null && isRunning(previous);
  const ended = previous === null || running ? [] : await endLeftovers(previous);
  const inUse = running
    ? `A stack runs from ${stateDir} already (process ${previous.launcher.pid}). ` +
      `Another one beside it needs other ports and a folder of its own: ${STATE_DIR_VARIABLE}=.local/second.`
    : null;
  await checkPortsFree(settings.ports, inUse);
  if (inUse !== null) throw new StartFailure(inUse);
  if (fresh)
    for (const folder of DATA_FOLDERS) rmSync(join(stateDir, folder), { recursive: true, force: true });
  return ended;
}

function prepareBackend(
  name: BackendName,
  { ports, detours, stateDir, cacheDir }: LauncherSettings,
): Promise<Startable> {
  const place = { dir: join(stateDir, name), port: ports[name], log: join(stateDir, 'logs', `${name}.log`) };
  switch (name) {
    case 'postgres':
      return preparePostgres(place);
    case 'kafka':
      return prepareKafka({
        ...place,
        controllerPort: ports['kafka-controller'],
        advertisedPort: detours.kafka ?? ports.kafka,
        libs: join(cacheDir, 'kafka', 'libs'),
      });
    case 'redis':
      return Promise.resolve(prepareRedis(place));
  }
}

/** The stack file of a run: what it holds now, and how to change it. */
function keepStackFile(settings: LauncherSettings) {
  let stack = describe(settings);
  const update = (change: Partial<Stack>) => {
    stack = { ...stack, ...change };
    writeStack(settings.stateDir, stack);
  };
  update({});
  return {
    current: () => stack,
    update,
    /** At once, so that a crash a moment later leaves no process unnamed. */
    addProcess(name: string, pid: number) {
      update({
        pids: { ...stack.pids, [name]: pid },
        startTimes: { ...stack.startTimes, [name]: startTimeOf(pid) ?? '' },
      });
    },
  };
}

/** Stops groups in their order: each gets its head start, what is still up then goes on stopping beside the next. */
async function stopInOrder(supervised: ReadonlyMap<string, Supervised>): Promise<void> {
  const groups: Array<Promise<unknown>> = [];
  for (const { names, headStartMs, limitMs } of STOP_ORDER) {
    const members = names.flatMap((name) => supervised.get(name) ?? []);
    const group = Promise.all(members.map((member) => member.stop(limitMs)));
    groups.push(group);
    await Promise.race([group, pause(headStartMs, undefined, { ref: false })]);
  }
  await Promise.all(groups);
}

/**
 * A stack of these settings, nothing started yet.
 *
 * @param report hears of every process that is launched, dies or is back.
 */
export function createStack(settings: LauncherSettings, report: (event: SupervisorEvent) => void): StackRun {
  const aborted = new AbortController();
  const supervised = new Map<string, Supervised>();
  const starting = new Set<Promise<unknown>>();
  const file = keepStackFile(settings);

  const onEvent = (event: SupervisorEvent) => {
    if (event.kind === 'launched') file.addProcess(event.name, event.pid);
    report(event);
  };
  const start = (prepare: () => Promise<Startable>): Promise<void> => {
    const started = (async () => {
      const startable = await prepare();
      aborted.signal.throwIfAborted();
      supervised.set(startable.name, await supervise(startable, { report: onEvent, signal: aborted.signal }));
    })();
    starting.add(started);
    return started.finally(() => starting.delete(started));
  };

  return {
    current: file.current,
    startBackend: (name) => start(() => prepareBackend(name, settings)),
    async createDatabases() {
      const adminUrl = postgresUrl({
        dir: join(settings.stateDir, 'postgres'),
        port: settings.ports.postgres,
      });
      for (const service of SERVICE_NAMES) await createDatabase(adminUrl, databaseName(service));
    },
    createTopics: () => createTopics(file.current().kafka.brokers),
    startProcess: (name) => {
      const migrationUrl = name === 'gateway' ? null : urlsOf(settings)[name].ownerUrl;
      return start(() => Promise.resolve(prepareProcess(name, settings, file.current(), migrationUrl)));
    },
    markReady: () => file.update({ readyAt: new Date().toISOString() }),
    async stop() {
      aborted.abort(new StartFailure('interrupted', EXIT.failed));
      await Promise.allSettled(starting);
      await stopInOrder(supervised);
      removeStack(settings.stateDir);
    },
    kill() {
      const { pids, startTimes } = file.current();
      for (const [name, pid] of Object.entries(pids)) {
        if (startTimeOf(pid) === startTimes[name]) process.kill(pid, 'SIGKILL');
      }
    },
  };
}
