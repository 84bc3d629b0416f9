import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Startable } from './backend.ts';
import { startChild } from './child.ts';
import { SERVICE_NAMES, type ProcessName, type ServiceName } from './ports.ts';
import type { LauncherSettings } from './settings.ts';
import type { Stack } from './stack-file.ts';
import { systemEnv } from './system-env.ts';

/** Name of a service's database and prefix of its roles: `user_balance`. */
export function databaseName(service: ServiceName): string {
  return service.replaceAll('-', '_');
}

/** Settings that the stack file tells; the shell may replace them like any other. */
export const SETTING_DEFAULTS: Stack['settings'] = {
  BALANCE_MAX: '1000000.00',
  PAYMENT_LIMIT: '500000.00',
  SALES_TIME_ZONE: 'UTC',
};

/** Every caller of a local stack comes from 127.0.0.1, the demo with all its users too. The shell may set it. */
const GATEWAY_DEFAULTS: Readonly<Record<string, string>> = { RATE_LIMIT_PER_ADDRESS: '0' };

/**
 * What Node is told before the program. Without a bound V8 lets garbage lie while the machine has memory: the order
 * service, with some 50 MB in use, was seen at 530 MB of RSS after minutes of load. The rest is against a collector that
 * took a third of the order service's CPU time: what a wave of orders needs outlives small young generations, and a heap
 * that starts small is marked whole more than once a second. No helper threads: six other processes want the same cores.
 * Figures: docs/decisions/0012.
 */
export const NODE_ARGS: readonly string[] = [
  '--enable-source-maps',
  '--max-old-space-size=256',
  '--initial-old-space-size=128',
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
  '--single-threaded-gc',
];

const READY_LIMIT_MS = 60_000;
const TOKEN_ISSUER = 'orderflow-local';
const TOKEN_AUDIENCE = 'orderflow';

/** Variables a process knows: those its .env.example names, commented out or not. */
export function knownVariables(example: string): string[] {
  return [...example.matchAll(/^#?\s*([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] as string);
}

/** What the shell sets of the variables this process knows. */
function overrides(name: ProcessName, settings: LauncherSettings): Record<string, string> {
  const example = join(settings.root, 'services', name, '.env.example');
  const set: Record<string, string> = {};
  for (const variable of existsSync(example) ? knownVariables(readFileSync(example, 'utf8')) : []) {
    const value = settings.env[variable] ?? SETTING_DEFAULTS[variable as keyof Stack['settings']];
    if (value !== undefined) set[variable] = value;
  }
  return set;
}

function wiring(name: ProcessName, settings: LauncherSettings, stack: Stack): Record<string, string> {
  if (name !== 'gateway') {
    return { KAFKA_BROKERS: stack.kafka.brokers.join(','), DATABASE_URL: stack.databases[name] };
  }
  const targets = SERVICE_NAMES.map((service) => [
    `${databaseName(service).toUpperCase()}_URL`,
    stack.services[service],
  ]);
  return {
    ...(Object.fromEntries(targets) as Record<string, string>),
    LOCAL_SIGNING_KEY_FILE: join(settings.stateDir, 'keys', 'jwt.pem'),
  };
}

/** The environment of one process: the system's, the shell's overrides, and what the launcher alone decides. */
export function processEnv(
  name: ProcessName,
  settings: LauncherSettings,
  stack: Stack,
  migrationUrl: string | null,
): Record<string, string> {
  return {
    ...systemEnv(settings.env),
    LOG_LEVEL: 'info',
    ...(name === 'gateway' ? GATEWAY_DEFAULTS : {}),
    ...overrides(name, settings),
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: String(settings.ports[name]),
    INTERNAL_PORT: String(settings.ports[`${name}-internal`]),
    REDIS_URL: stack.redis,
    JWT_ISSUER: TOKEN_ISSUER,
    JWT_AUDIENCE: TOKEN_AUDIENCE,
    JWKS_URL: `${stack.gateway}/.well-known/jwks.json`,
    ...wiring(name, settings, stack),
    ...(migrationUrl === null ? {} : { MIGRATION_DATABASE_URL: migrationUrl }),
  };
}

/** Null when /readyz says 200, else what it says is missing. */
async function askReadyz(port: number): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) });
    const body = await response.text();
    return response.status === 200 ? null : body.trim().slice(0, 500);
  } catch {
    return `its internal port ${port} does not answer yet`;
  }
}

/** How to start one of the six processes; it is ready when its /readyz says so. */
export function prepareProcess(
  name: ProcessName,
  settings: LauncherSettings,
  stack: Stack,
  migrationUrl: string | null,
): Startable {
  const log = join(settings.stateDir, 'logs', `${name}.log`);
  return {
    name,
    log,
    readyLimitMs: READY_LIMIT_MS,
    launch: () =>
      startChild({
        command: process.execPath,
        args: [...NODE_ARGS, join('dist', 'main.js')],
        cwd: join(settings.root, 'services', name),
        env: processEnv(name, settings, stack, migrationUrl),
        log,
        ipc: true,
      }),
    check: () => askReadyz(settings.ports[`${name}-internal`]),
  };
}
