import { createServer } from 'node:net';
import { EXIT, StartFailure } from './failure.ts';

export const SERVICE_NAMES = ['order', 'payment', 'product', 'coupon', 'user-balance'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** The six Node processes; the gateway comes first because it stops first. */
export const PROCESS_NAMES = ['gateway', ...SERVICE_NAMES] as const;
export type ProcessName = (typeof PROCESS_NAMES)[number];

const DEFAULT_PORTS = {
  gateway: 8080,
  order: 8081,
  payment: 8082,
  product: 8083,
  coupon: 8084,
  'user-balance': 8085,
  'gateway-internal': 9080,
  'order-internal': 9081,
  'payment-internal': 9082,
  'product-internal': 9083,
  'coupon-internal': 9084,
  'user-balance-internal': 9085,
  postgres: 5442,
  kafka: 9192,
  'kafka-controller': 9193,
  redis: 6479,
} as const satisfies Record<string, number> & Record<ProcessName | `${ProcessName}-internal`, number>;

export type PortName = keyof typeof DEFAULT_PORTS;
export type Ports = Readonly<Record<PortName, number>>;

export const PORT_NAMES = Object.keys(DEFAULT_PORTS) as PortName[];
export const PORT_OFFSET_VARIABLE = 'ORDERFLOW_PORT_OFFSET';

/**
 * Ports that fetch refuses before it connects ("bad port" of the WHATWG), those of the unprivileged range: a gateway on
 * 10080 would never find its own keys.
 */
const REFUSED_BY_FETCH = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

/** The variable that moves one port alone, e.g. ORDERFLOW_USER_BALANCE_INTERNAL_PORT. */
export function portVariable(name: PortName): string {
  return `ORDERFLOW_${name.toUpperCase().replaceAll('-', '_')}_PORT`;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads whole numbers; a variable that holds something else is added to `problems`. */
function numberReader(env: Env, problems: string[]) {
  return (variable: string, min: number, max: number): number | undefined => {
    const text = env[variable];
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    problems.push(`${variable} must be a whole number from ${min} to ${max}, not "${text}"`);
    return undefined;
  };
}

/**
 * The ports of a stack: the defaults moved by ORDERFLOW_PORT_OFFSET, each replaced by its own variable when that is
 * set (the offset is not added to it).
 *
 * @throws StartFailure (78) naming every variable that is not a port, and ports given twice.
 */
export function planPorts(env: Env): Ports {
  const problems: string[] = [];
  const readNumber = numberReader(env, problems);
  const offset = readNumber(PORT_OFFSET_VARIABLE, -5000, 50_000) ?? 0;
  const ports = {} as Record<PortName, number>;
  const users = new Map<number, PortName>();
  for (const name of PORT_NAMES) {
    const port = readNumber(portVariable(name), 1, 65_535) ?? DEFAULT_PORTS[name] + offset;
    const other = users.get(port);
    if (other !== undefined) {
      problems.push(`${portVariable(name)} and ${portVariable(other)} are both ${port}`);
    }
    if (REFUSED_BY_FETCH.has(port)) {
      problems.push(`${portVariable(name)} is ${port}, a port that HTTP clients refuse: take another one`);
    }
    users.set(port, name);
    ports[name] = port;
  }
  if (problems.length > 0) throw new StartFailure(problems.join('\n'), EXIT.configuration);
  return ports;
}

/** Where clients find a backend when something stands before it, as the proxy of a fault test does. */
export type Detours = Readonly<Partial<Record<'kafka' | 'postgres', number>>>;

/** Variables of the detours. */
export const DETOUR_VARIABLES = {
  kafka: 'ORDERFLOW_KAFKA_VIA_PORT',
  postgres: 'ORDERFLOW_POSTGRES_VIA_PORT',
} as const satisfies Record<keyof Detours, string>;

/** @throws StartFailure (78) naming every variable that is not a port. */
export function planDetours(env: Env): Detours {
  const problems: string[] = [];
  const readNumber = numberReader(env, problems);
  const kafka = readNumber(DETOUR_VARIABLES.kafka, 1, 65_535);
  const postgres = readNumber(DETOUR_VARIABLES.postgres, 1, 65_535);
  if (problems.length > 0) throw new StartFailure(problems.join('\n'), EXIT.configuration);
  return { ...(kafka === undefined ? {} : { kafka }), ...(postgres === undefined ? {} : { postgres }) };
}

/** A second start finds all sixteen taken; these suffice to see what is going on. */
const PORTS_NAMED = 3;

/** Resolves to the code of the error when 127.0.0.1:port cannot be bound, to null when it is free. */
function probePort(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/**
 * Promises that every port of the plan could be bound a moment ago.
 *
 * @param likelyCause first line of the message when some are not.
 * @throws StartFailure (69) naming the first ports that are taken: number, user and variable.
 */
export async function checkPortsFree(ports: Ports, likelyCause: string | null = null): Promise<void> {
  const probes = await Promise.all(
    PORT_NAMES.map(async (name) => ({ name, error: await probePort(ports[name]) })),
  );
  const taken = probes.filter((probe) => probe.error !== null);
  if (taken.length === 0) return;
  const lines = taken.slice(0, PORTS_NAMED).map(({ name, error }) => {
    const state = error === 'EADDRINUSE' ? 'is taken' : `cannot be used (${error})`;
    return `Port ${ports[name]} of ${name} ${state}: move it with ${portVariable(name)}=<port>.`;
  });
  if (taken.length > lines.length) lines.push(`… and ${taken.length - lines.length} more.`);
  lines.push(`All ports move together: ${PORT_OFFSET_VARIABLE}=<number added to each>.`);
  throw new StartFailure([...(likelyCause === null ? [] : [likelyCause]), ...lines].join('\n'));
}
