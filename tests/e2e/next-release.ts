import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeExit, startChild } from '@orderflow/local/child';
import type { ServiceName } from '@orderflow/local/ports';
import { NODE_ARGS, processEnv } from '@orderflow/local/services';
import { readSettings, ROOT } from '@orderflow/local/settings';
import { systemEnv } from '@orderflow/local/system-env';
import { STEP_TOPICS, type StepName } from '@orderflow/shared-events/catalog';
import { freePort } from '@orderflow/testing/free-port';
import { patchModules, writePreload, type Patch } from '@orderflow/testing/patched-modules';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs from 'kafkajs';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { runIn } from './programs.ts';
import { nextLog } from './service-logs.ts';

const { AssignerProtocol, Kafka, logLevel } = kafkajs;

/** The present build under a name of its own: the broker tells its members of a group from those of the present one. */
export const RENAMED: readonly Patch[] = [
  {
    module: 'packages/messaging/dist/kit.js',
    find: 'clientId: service,',
    replace: 'clientId: `${service}-next`,',
  },
];

const PRODUCT_EVENTS = 'packages/shared-events/dist/product.js';
const CATALOG = 'packages/shared-events/dist/catalog.js';
const APPLY_COUPONS = 'services/coupon/dist/steps/apply-coupons.js';
const ADVANCE_ORDERS = 'services/order/dist/steps/advance-orders.js';
const RESERVE_STOCK = 'services/product/dist/steps/reserve-stock.js';

const importing = (module: string): Patch => ({
  module,
  find: 'StockReserved } from',
  replace: 'StockReserved, StockReservedV2 } from',
});

/** `stock.reserved` in a second version beside the first: it names the store. */
const SECOND_VERSION: readonly Patch[] = [
  {
    module: PRODUCT_EVENTS,
    find: '/** Nothing was taken from stock. */',
    replace: `import { z } from 'zod';
export const StockReservedV2 = defineEvent({
  type: 'stock.reserved',
  version: 2,
  topic: 'stock-reserved',
  publisher: 'product',
  schema: pricedOrder.extend({ store: z.string() }),
  extraKeys: ['store'],
});`,
  },
  importing(CATALOG),
  { module: CATALOG, find: 'export const EVENTS = [', replace: 'export const EVENTS = [StockReservedV2,' },
];

/** The next release of those it changes. Its readers take both versions, its producer publishes the second. */
export const NEXT_RELEASE = {
  coupon: [
    ...RENAMED,
    ...SECOND_VERSION,
    importing(APPLY_COUPONS),
    { module: APPLY_COUPONS, find: 'on: [StockReserved]', replace: 'on: [StockReserved, StockReservedV2]' },
    {
      module: 'services/coupon/dist/domain/application.js',
      find: 'decideApplication(state, { data }) {',
      replace: `decideApplication(state, { data, version }) {
    if ((version === 2) !== (data.store === 'main')) throw new Error('this is not version ' + version);`,
    },
  ],
  order: [
    ...RENAMED,
    ...SECOND_VERSION,
    importing(ADVANCE_ORDERS),
    { module: ADVANCE_ORDERS, find: 'on: [', replace: 'on: [StockReservedV2,' },
  ],
  product: [
    ...RENAMED,
    ...SECOND_VERSION,
    importing(RESERVE_STOCK),
    { module: RESERVE_STOCK, find: 'emits: [StockReserved,', replace: 'emits: [StockReservedV2,' },
    {
      module: 'services/product/dist/domain/reservation.js',
      find: 'data: priced(data, state.products)',
      replace: "data: { ...priced(data, state.products), store: 'main' }",
    },
  ],
} as const satisfies Partial<Record<ServiceName, readonly Patch[]>>;

/** Patches as a module for `node --import`. */
function preload({ stateDir }: RunningStack, name: string, patches: readonly Patch[]): string[] {
  const file = join(stateDir, `${name}-next.mjs`);
  writePreload(file, patchModules({ name: `the next ${name}`, patches }, ROOT));
  return ['--import', pathToFileURL(file).href];
}

/** Runs a command of the next release's local stack. */
export function runOfNextRelease(stack: RunningStack): RunningStack['run'] {
  return async (module, ...words) => {
    const node = [process.execPath, ...preload(stack, 'local', SECOND_VERSION)];
    const program = join(ROOT, 'infra', 'local', 'dist', module);
    const { code, out, error } = await runIn(stack.stateDir, ...node, program, ...words);
    return { code, output: out === '' ? error : out };
  };
}

async function answers(url: string, path: string): Promise<number | null> {
  try {
    return (await fetch(`${url}${path}`, { signal: AbortSignal.timeout(1000) })).status;
  } catch {
    return null;
  }
}

/** An instance of a build that is not the launcher's; `stop` ends it in order. */
export interface Instance {
  stop(): Promise<void>;
}

export interface InstancePlan {
  readonly name: ServiceName;
  readonly patches: readonly Patch[];
  /** On the ports of the launcher's, which has ended: the gateway finds it there. Else on ports of its own. */
  readonly inPlace?: boolean;
}

/** Starts an instance in the environment that the launcher gives the service; resolves when it is ready. */
export async function startInstance(stack: RunningStack, plan: InstancePlan): Promise<Instance> {
  const { name, patches, inPlace = false } = plan;
  const settings = readSettings({ ...systemEnv(), ...stack.variables });
  const own = inPlace ? {} : { [name]: await freePort(), [`${name}-internal`]: await freePort() };
  const ports = { ...settings.ports, ...own };
  const running = startChild({
    command: process.execPath,
    args: [...NODE_ARGS, ...preload(stack, name, patches), join('dist', 'main.js')],
    cwd: join(ROOT, 'services', name),
    env: processEnv(name, { ...settings, ports }, stack.current(), null),
    log: join(stack.stateDir, 'logs', nextLog(name)),
    ipc: true,
  });
  const failed = running.exited.then((exit) => {
    throw new Error(`the next ${name} ended with ${describeExit(exit)}`);
  });
  failed.catch(() => undefined);
  const url = `http://127.0.0.1:${ports[`${name}-internal`]}`;
  const ready = waitUntil(async () => (await answers(url, '/readyz')) === 200, {
    what: `the next ${name}`,
    timeoutMs: 30_000,
    intervalMs: 50,
  });
  try {
    await Promise.race([ready, failed]);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { stop: () => running.stop() };
}

/** Until the returned function is called, the launcher starts nothing again that ends. */
export function holdLauncher(stack: RunningStack): () => Promise<void> {
  const { launcher, internal } = stack.current();
  process.kill(launcher.pid, 'SIGSTOP');
  return async () => {
    process.kill(launcher.pid, 'SIGCONT');
    const all = async () => {
      const statuses = await Promise.all(Object.values(internal).map((url) => answers(url, '/readyz')));
      return statuses.every((status) => status === 200);
    };
    await waitUntil(all, { what: 'the present release', timeoutMs: 30_000, intervalMs: 100 });
  };
}

/** Ends the launcher's instance in order; resolves when its ports are free. */
export async function endPresent(stack: RunningStack, name: ServiceName): Promise<void> {
  const { pids, internal } = stack.current();
  process.kill(pids[name] as number, 'SIGTERM');
  const isGone = async () => (await answers(internal[name], '/livez')) === null;
  await waitUntil(isGone, { what: `the end of ${name}`, intervalMs: 20 });
}

function clientOf(stack: RunningStack) {
  const { brokers } = stack.current().kafka;
  return new Kafka({ clientId: 'e2e', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

/** Waits until each step of these services is shared by members of exactly these names, each with partitions. */
export async function untilShared(
  stack: RunningStack,
  services: readonly ServiceName[],
  membersOf: (service: ServiceName) => readonly string[],
): Promise<void> {
  const admin = clientOf(stack).admin();
  await admin.connect();
  try {
    const steps = (Object.keys(STEP_TOPICS) as StepName[]).flatMap((step) =>
      services
        .filter((name) => step.startsWith(`${name}.`))
        .map((name) => ({ step, members: membersOf(name) })),
    );
    const isShared = async () => {
      const { groups } = await admin.describeGroups(steps.map(({ step }) => step));
      return steps.every(({ step, members }) => {
        const found = groups.find(({ groupId }) => groupId === step)?.members ?? [];
        const working = found.filter(({ memberAssignment }) => {
          const assigned = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
          return Object.values(assigned).some((partitions) => partitions.length > 0);
        });
        const names = new Set(found.map(({ clientId }) => clientId));
        return working.length === found.length && [...names].sort().join() === [...members].sort().join();
      });
    };
    await waitUntil(isShared, { what: `${services.join(', ')} shared`, timeoutMs: 30_000, intervalMs: 200 });
  } finally {
    await admin.disconnect();
  }
}

/** Counts what is published to a topic from now on, by type and version. */
export async function watchTypes(
  stack: RunningStack,
  topic: string,
): Promise<{ count(type: string): number; close(): Promise<void> }> {
  const consumer = clientOf(stack).consumer({ groupId: `e2e-types-${Date.now()}`, maxWaitTimeInMs: 100 });
  const counts = new Map<string, number>();
  const joined = new Promise<void>((resolve) => void consumer.on('consumer.group_join', () => resolve()));
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: false });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const type = String(message.headers?.['ce_type']);
      counts.set(type, (counts.get(type) ?? 0) + 1);
    },
  });
  await joined;
  return { count: (type) => counts.get(type) ?? 0, close: () => consumer.disconnect() };
}
