import { z } from 'zod';
import { amountPattern, readAmount } from './amount.ts';
import { maskCredentials } from './logger.ts';
import { productionProblems } from './production.ts';

/** A set-up that cannot run. Its message lists every problem at once; the process ends with exit code 78. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration is not usable:\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the environment through a schema, once, at start. An empty string counts as not set; variables the schema
 * does not name are ignored. With NODE_ENV=production, defaults that are known to everyone are refused.
 * @throws ConfigError naming every wrong variable, what is wrong with it and its value, secrets masked
 */
export function loadConfig<Schema extends z.ZodType>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
): z.output<Schema> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  const refused = refusedInProduction(schema, given);
  if (parsed.success && refused.length === 0) return parsed.data;
  const wrong = (parsed.error?.issues ?? []).map((issue) => {
    const name = issue.path.map(String).join('.');
    if (name === '') return issue.message;
    const value = given[name];
    return value === undefined
      ? `${name} is not set`
      : `${name}: ${issue.message} (is "${maskValue(name, value)}")`;
  });
  throw new ConfigError([...wrong, ...refused]);
}

/** A program that does not read NODE_ENV, as those which only measure, is in production nowhere. */
function refusedInProduction(
  schema: z.ZodType,
  given: Readonly<Record<string, string | undefined>>,
): string[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const read = Object.fromEntries(
    Object.entries(given).filter(([name]) => Object.hasOwn(schema.shape, name)),
  );
  return read['NODE_ENV'] === 'production' ? productionProblems(read) : [];
}

function maskValue(name: string, value: string): string {
  if (/PASSWORD|SECRET|TOKEN|CREDENTIAL|PRIVATE/.test(name)) return '***';
  // A URL too broken to be recognised as one may still hold a password before its @.
  if (name.endsWith('URL') && value.includes('@'))
    return maskCredentials(value).replace(/:[^:/@]*@/, ':***@');
  return maskCredentials(value);
}

const wholeNumber = /^(0|[1-9]\d{0,15})$/;

/** A whole number. With a default it may be left out. */
export function int(options: { default?: number; min?: number; max?: number } = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  const field = z
    .string()
    .refine((text) => wholeNumber.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);
  return options.default === undefined ? field : field.prefault(String(options.default));
}

/** A duration in whole milliseconds; at most 30 days unless told otherwise. */
export function durationMs(options: { default?: number; min?: number; max?: number } = {}) {
  return int({ max: 30 * 24 * 60 * 60 * 1000, ...options });
}

/** An amount of money as text ("500000.00"), read into minor units (50000000n). */
export function amount(options: { default?: string } = {}) {
  const field = z
    .string()
    .regex(amountPattern, 'must be an amount like 12.50, with at most two decimals')
    .transform(readAmount);
  return options.default === undefined ? field : field.prefault(options.default);
}

/** A URL of one of the protocols, kept as text. */
export function url(...protocols: readonly string[]) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1)), {
      error: `must be a URL starting with ${protocols.map((name) => `${name}://`).join(' or ')}`,
    });
}

const broker = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([1-9]\d{0,4})$/;

/** A port; 0 lets the system choose (tests). */
export const port = (options: { default?: number } = {}) => int({ ...options, max: 65_535 });

/** What a process of any kind reads. */
export const processEnvironment = {
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  HOST: z.string().default('127.0.0.1'),
  PORT: port(),
  INTERNAL_PORT: port(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
};

/** Where access tokens come from and whom they must name. */
export const tokenEnvironment = {
  JWT_ISSUER: z.string(),
  JWT_AUDIENCE: z.string(),
  JWKS_URL: url('http', 'https'),
};

/** What each of the five services reads: `z.object({ ...serviceEnvironment, PAYMENT_LIMIT: amount(…) })`. */
export const serviceEnvironment = {
  ...processEnvironment,
  ...tokenEnvironment,
  DATABASE_URL: url('postgres', 'postgresql'),
  /** The owner's URL. When set, the process applies pending migrations before it starts. */
  MIGRATION_DATABASE_URL: url('postgres', 'postgresql').optional(),
  KAFKA_BROKERS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((brokers) => brokers.every((part) => broker.test(part)), {
      error: 'must be host:port, several separated by commas',
    }),
  REDIS_URL: url('redis', 'rediss'),
  /** `kafkajs` puts the library's own record codec back: the switch for a suspected fault of ours. */
  KAFKA_CODEC: z.enum(['own', 'kafkajs']).default('own'),
};
