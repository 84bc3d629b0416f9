/** A statement that one lint rule must report: by its message where the rule is this repository's own. */
interface PlantedStatement {
  readonly path: string;
  readonly text: string;
  /** Every rule or message that is reported, and nothing besides. */
  readonly reported: readonly string[];
}

const HANDED = 'Only src/main.ts reads the environment; the rest is handed its configuration';
const WAIT = 'A test waits for what it needs (waitUntil), never for time to pass';
const PURE = 'The domain is pure and synchronous';
const AMBIENT = `${PURE}: no clock, environment or output.`;

const SILENT: readonly PlantedStatement[] = [
  silent(
    'packages/messaging/src/postgres.ts',
    'export const createPool = () => 1;\nexport const transaction = () => 2;',
  ),
  silent(
    'services/coupon/src/service.ts',
    "import { createPool } from '@orderflow/messaging/postgres';\nexport const pool = createPool();",
  ),
  silent(
    'services/coupon/src/http/transaction.ts',
    "import { transaction } from '@orderflow/messaging/postgres';\nexport const result = transaction();",
  ),
  silent('services/coupon/src/main.ts', 'export const port = process.env.PORT;'),
  silent('infra/local/src/start.ts', 'export const home = process.env.HOME;'),
  silent('packages/testing/src/start.ts', 'export const url = process.env.DATABASE_URL;'),
  silent(
    'services/coupon/src/domain/clean.ts',
    'export const at = (now: Date) => new Date(now.getTime() + 1);',
  ),
  silent('services/coupon/src/steps/clean.ts', 'export const at = async () => Promise.resolve(Date.now());'),
  silent('services/coupon/src/fault.ts', 'export class Fault extends Error {}'),
  silent('services/coupon/src/noted.ts', '// TODO(#12): two lines.\nexport const value = 1;'),
  silent(
    'services/coupon/src/long.unit.test.ts',
    `export const run = () => {\n${'  void 0;\n'.repeat(80)}};`,
  ),
];

const ENVIRONMENT: readonly PlantedStatement[] = [
  planted('services/coupon/src/config.ts', 'export const port = process.env.PORT;', `${HANDED}.`),
  planted('services/coupon/src/main-other.ts', 'export const port = process.env.PORT;', `${HANDED}.`),
  planted('packages/messaging/src/level.ts', 'export const level = process.env.LOG_LEVEL;', `${HANDED}.`),
  planted('tests/e2e/url.ts', 'export const url = process.env.GATEWAY;', `${HANDED}.`),
  planted('services/coupon/src/http/taken.ts', 'export const { env } = process;', `${HANDED}, whole.`),
  planted(
    'services/coupon/src/http/imported.ts',
    "import { env } from 'node:process';\nexport const port = env.PORT;",
    `${HANDED}: process is not imported.`,
  ),
];

const DOMAIN: readonly PlantedStatement[] = [
  inDomain('async', 'export const f = async () => 1;', `${PURE}: no async functions.`, 'require-await'),
  inDomain('generator', 'export function* f() { yield 1; }', `${PURE}: no generators.`),
  inDomain(
    'await',
    'export const value = await load();\ndeclare function load(): PromiseLike<1>;',
    `${PURE}: no await.`,
  ),
  inDomain(
    'for-await',
    'declare const list: AsyncIterable<number>;\nfor await (const item of list) use(item);\ndeclare function use(item: number): number;\nexport {};',
    `${PURE}: no for await.`,
  ),
  inDomain('import', "export const f = () => import('./await.ts');", `${PURE}: no import().`),
  inDomain('promise', 'export const value = Promise.resolve(1);', `${PURE}: no promises.`),
  inDomain('promise-type', 'export type Later = Promise<number>;', `${PURE}: no promises.`),
  inDomain(
    'date-now',
    'export const f = () => Date.now();',
    `${PURE}: the time is an argument, not Date.now().`,
  ),
  inDomain(
    'new-date',
    'export const f = () => new Date();',
    `${PURE}: the time is an argument, not new Date().`,
  ),
  inDomain('date', 'export const f = () => Date();', `${PURE}: the time is an argument, not Date().`),
  inDomain('random', 'export const f = () => Math.random();', `${PURE}: no randomness.`),
  inDomain('process', 'export const f = () => process.pid;', AMBIENT),
  inDomain('environment', 'export const f = () => process.env.PORT;', `${HANDED}.`, AMBIENT),
  inDomain('performance', 'export const f = () => performance.now();', AMBIENT),
  inDomain('crypto', 'export const f = () => crypto.randomUUID();', AMBIENT),
  inDomain('timer', 'export const f = () => setTimeout(() => 1, 1);', AMBIENT),
  inDomain(
    'global',
    'export const f = () => globalThis.name;\ndeclare global { var name: string; }',
    AMBIENT,
  ),
];

const TESTS: readonly PlantedStatement[] = [
  planted(
    'services/coupon/src/sleep.unit.test.ts',
    'export const f = () => new Promise((resolve) => setTimeout(resolve, 100));',
    `${WAIT}.`,
  ),
  planted(
    'tests/e2e/sleep.e2e.test.ts',
    "import { setTimeout } from 'node:timers/promises';\nexport const f = () => setTimeout(100);",
    `${WAIT}: no timers/promises.`,
  ),
];

const STYLE: readonly PlantedStatement[] = [
  inService(
    'barrel',
    "export * from './fault.ts';",
    'No barrels: export where it is declared, import from there.',
  ),
  inService(
    'decorator',
    'declare const sealed: (value: unknown, context: unknown) => void;\n@sealed\nexport class A { a = 1; }',
    'No decorators: compose functions.',
  ),
  inService('base', 'export abstract class A { a = 1; }', 'No base classes.'),
  inService(
    'child',
    'declare const Parent: new () => object;\nexport class A extends Parent { a = 1; }',
    'No class hierarchies besides errors and streams: hand a function in.',
  ),
  inService('todo', '// TODO: later\nexport const value = 1;', 'orderflow/todo-names-issue'),
  inService('fixme', '/* FIXME soon */\nexport const value = 1;', 'orderflow/todo-names-issue'),
  inService('long-file', `export const value = 1;\n${'\n'.repeat(300)}`, 'max-lines'),
  inService('long-function', `export function f() {\n${'  void 0;\n'.repeat(60)}}`, 'max-lines-per-function'),
  inService('console', 'console.log(1);\nexport {};', 'no-console'),
  inService(
    'disabled',
    'export const f = (a: any) => typeof a; // eslint-disable-line',
    'no-explicit-any',
    'inline',
  ),
];

const TYPES: readonly PlantedStatement[] = [
  inService('any', 'export const f = (value: any) => typeof value;', 'no-explicit-any'),
  inService('floating', 'export function f() { Promise.resolve(1); }', 'no-floating-promises'),
  inService(
    'misused',
    '[1].forEach(async (n) => { await Promise.resolve(n); });\nexport {};',
    'no-misused-promises',
  ),
  inService(
    'switch',
    "export function f(s: 'a' | 'b') { switch (s) { case 'a': return 1; } return 2; }",
    'switch-exhaustiveness-check',
  ),
  inService(
    'type-import',
    "import { Fault } from './fault.ts';\nexport type F = Fault;",
    'consistent-type-imports',
  ),
];

export const PLANTED_STATEMENTS = [...SILENT, ...ENVIRONMENT, ...DOMAIN, ...TESTS, ...STYLE, ...TYPES];

function planted(path: string, text: string, ...reported: string[]): PlantedStatement {
  return { path, text: `${text}\n`, reported };
}

function silent(path: string, text: string): PlantedStatement {
  return planted(path, text);
}

function inDomain(name: string, text: string, ...reported: string[]): PlantedStatement {
  return planted(`services/coupon/src/domain/${name}.ts`, text, ...reported);
}

function inService(name: string, text: string, ...reported: string[]): PlantedStatement {
  return planted(`services/coupon/src/${name}.ts`, text, ...reported);
}
