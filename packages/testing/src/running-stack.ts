import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boundToParent } from '@orderflow/local/child';
import { checkPortsFree, planPorts, type Ports } from '@orderflow/local/ports';
import { postgresUrl } from '@orderflow/local/postgres';
import { ROOT } from '@orderflow/local/settings';
import { readStack, type Stack } from '@orderflow/local/stack-file';
import pg from 'pg';
import { waitUntil } from './wait-until.ts';

const LOCAL = join(ROOT, 'infra', 'local');

/**
 * Short deadlines, so that a time-out is seen in seconds. Not shorter: a killed service flows again in less than ten,
 * and what waited for it is not late.
 */
const DEADLINES = { ORDER_DEADLINE_MS: '20000', ORDER_MAX_AGE_MS: '60000', CANCEL_DEADLINE_MS: '20000' };

/** Thousands of bad requests and messages in a minute are what these tests send; what limits them has its own tests. */
const NO_LIMITS = { POISON_PER_MINUTE: '0', RATE_LIMIT_PER_USER: '0', RATE_LIMIT_PER_ADDRESS: '0' };

const SETTINGS = { ...DEADLINES, ...NO_LIMITS };

const START_LIMIT_MS = 120_000;
/** The backends may be starting, too. */
const READY_LIMIT_MS = 60_000;

/** A whole stack of its own: own ports, own data, ended with the tests whatever happens to them. */
export interface RunningStack {
  /** Where its keys, logs and data lie. */
  readonly stateDir: string;
  readonly ports: Ports;
  /** What its processes find in their environment besides the system's. */
  readonly variables: Readonly<Record<string, string>>;
  /** As its stack file says now: a restart changes pids. */
  current(): Stack;
  start(): Promise<void>;
  /** In order, as Ctrl-C does. */
  stop(): Promise<void>;
  /** SIGKILL to a process of the stack, which its launcher starts again; resolves when it is ready again. */
  kill(name: string): Promise<void>;
  /** SIGKILL to every process but the launcher at once; resolves when all are ready again. */
  killAll(): Promise<void>;
  /** SIGKILL to the launcher, and what it started ends by itself; resolves when all of it is gone. */
  killLauncher(): Promise<void>;
  /** Runs a command of the local stack's, for instance `reconcile/main.js`. */
  run(module: string, ...words: string[]): Promise<{ code: number | null; output: string }>;
  /** What its launcher has printed since the first start. */
  output(): string;
  /** Statements by a superuser in one of the five databases. */
  sql<Row extends object>(database: string, text: string, values?: unknown[]): Promise<Row[]>;
  remove(): void;
}

async function findPorts(): Promise<{ ports: Ports; offset: string }> {
  for (let tries = 0; ; tries += 1) {
    // Clear of the default ports, of those the kernel gives out (32768 and above), and of 10080, which fetch refuses.
    const offset = String(2100 + 100 * Math.floor(Math.random() * 179));
    const ports = planPorts({ ORDERFLOW_PORT_OFFSET: offset });
    try {
      await checkPortsFree(ports);
      return { ports, offset };
    } catch (error) {
      if (tries > 20) throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Launched {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Adds to the environment without reading it. */
function launch(variables: Readonly<Record<string, string>>, args: readonly string[]): Launched {
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const [command = '', ...rest] = boundToParent('SIGTERM', 'env', [...words, process.execPath, ...args]);
  const child = spawn(command, rest, { cwd: LOCAL, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return { child, output: () => output };
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

async function isReady(internal: string): Promise<boolean> {
  const { status } = await fetch(`${internal}/readyz`, { signal: AbortSignal.timeout(1000) });
  return status === 200;
}

/** Ready again after a restart: backends are when every service is. */
async function waitUntilReady(current: () => Stack): Promise<void> {
  const all = async () => {
    const answers = await Promise.all(Object.values(current().internal).map(isReady));
    return answers.every(Boolean);
  };
  await waitUntil(all, { what: 'every process ready', timeoutMs: READY_LIMIT_MS, intervalMs: 100 });
}

export interface StackPlan {
  /** Where its state is to lie; a folder of its own below the system's temporary one by default. */
  readonly stateDir?: string;
  /** Variables for its launcher, which may depend on where its processes will listen. */
  readonly variables?: (ports: Ports) => Promise<Readonly<Record<string, string>>>;
}

/** Plans a stack; nothing is started yet. */
export async function planStack(plan: StackPlan = {}): Promise<RunningStack> {
  const stateDir = plan.stateDir ?? mkdtempSync(join(tmpdir(), 'orderflow-e2e-'));
  const { ports, offset } = await findPorts();
  const variables = {
    ...SETTINGS,
    ...(await plan.variables?.(ports)),
    ORDERFLOW_STATE_DIR: stateDir,
    ORDERFLOW_PORT_OFFSET: offset,
  };
  let launched: Launched | null = null;
  const launches: Launched[] = [];
  const current = (): Stack => {
    const stack = readStack(stateDir);
    if (stack === null) throw new Error('the stack does not run');
    return stack;
  };
  const launcher = (): ChildProcess => {
    if (launched === null) throw new Error('the launcher does not run');
    return launched.child;
  };
  return {
    stateDir,
    ports,
    variables,
    current,
    async start() {
      const started = launch(variables, ['dist/main.js', '--no-demo']);
      launched = started;
      launches.push(started);
      const exited = ended(started.child).then((code) => {
        throw new Error(`the launcher ended with ${code}:\n${started.output()}`);
      });
      const { pid } = started.child;
      const up = waitUntil(() => current().launcher.pid === pid && current().readyAt !== null, {
        what: 'the stack',
        timeoutMs: START_LIMIT_MS,
        intervalMs: 100,
      });
      await Promise.race([up, exited]);
      // From here on the end of the launcher is what a test asks for.
      exited.catch(() => undefined);
    },
    async stop() {
      if (launched === null) return;
      launcher().kill('SIGTERM');
      await ended(launcher());
      launched = null;
    },
    async kill(name) {
      const pid = current().pids[name];
      if (pid === undefined) throw new Error(`no process ${name}`);
      process.kill(pid, 'SIGKILL');
      await waitUntil(() => current().pids[name] !== pid, {
        what: `${name} started again`,
        timeoutMs: READY_LIMIT_MS,
      });
      await waitUntilReady(current);
    },
    async killAll() {
      const { pids } = current();
      for (const pid of Object.values(pids)) process.kill(pid, 'SIGKILL');
      await waitUntil(() => Object.entries(pids).every(([name, pid]) => current().pids[name] !== pid), {
        what: 'everything started again',
        timeoutMs: READY_LIMIT_MS,
      });
      await waitUntilReady(current);
    },
    async killLauncher() {
      const { pids } = current();
      launcher().kill('SIGKILL');
      await ended(launcher());
      launched = null;
      await waitUntil(() => !Object.values(pids).some(isAlive), {
        what: 'the end of all processes',
        timeoutMs: 30_000,
      });
    },
    async run(module, ...words) {
      const { child, output } = launch(variables, [join('dist', module), ...words]);
      return { code: await ended(child), output: output() };
    },
    output: () => launches.map((one) => one.output()).join(''),
    async sql<Row extends object>(database: string, text: string, values: unknown[] = []) {
      const url = new URL(postgresUrl({ dir: join(stateDir, 'postgres'), port: ports.postgres }));
      url.pathname = `/${database.replaceAll('-', '_')}`;
      const client = new pg.Client(url.href);
      await client.connect();
      try {
        return (await client.query<Row>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    remove: () => rmSync(stateDir, { recursive: true, force: true }),
  };
}
