import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Type-aware rules over one program (tsconfig.tests.json: sources and tests). What an import may reach is
 * .dependency-cruiser.cjs; here is what a statement may do. Comments cannot switch a rule off (`noInlineConfig`).
 * The rules of this repository's own are proven by planted violations in tests/architecture/lint.unit.test.ts.
 */

const TESTS = ['**/*.test.ts', 'tests/**/*.ts', 'packages/testing/src/**/*.ts'];
const CONFIG_FILES = ['**/*.mjs', '**/*.cjs', '**/*.js', 'services/*/*.ts', 'bench/*.ts'];

/** The only readers of the environment: a service's entry, and what starts and stops processes. */
const ENVIRONMENT_READERS = [
  'services/*/src/main.ts',
  'services/*/prisma.config.ts',
  'bench/prisma.config.ts',
  'bench/src/main.ts',
  'chaos/src/main.ts',
  'bench/src/ablations/register.ts',
  'bench/src/baselines/*/main.ts',
  'infra/cli/src/main.ts',
  'infra/local/**/*.{ts,mjs}',
  'infra/compose/*.mjs',
  'packages/testing/src/**/*.ts',
];

const HANDED = 'Only src/main.ts reads the environment; the rest is handed its configuration';
const ENVIRONMENT = [
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: `${HANDED}.` },
  {
    selector: "VariableDeclarator[init.name='process'] Property[key.name='env']",
    message: `${HANDED}, whole.`,
  },
  {
    selector: 'ImportDeclaration[source.value=/^(node:)?process$/]',
    message: `${HANDED}: process is not imported.`,
  },
];

const STYLE = [
  {
    selector: 'ExportAllDeclaration',
    message: 'No barrels: export where it is declared, import from there.',
  },
  { selector: 'Decorator', message: 'No decorators: compose functions.' },
  { selector: ':matches(ClassDeclaration, ClassExpression)[abstract=true]', message: 'No base classes.' },
  {
    selector:
      ':matches(ClassDeclaration, ClassExpression)[superClass][superClass.name!=/^(Error|TypeError|EventEmitter|Transform|Readable|Writable)$/]',
    message: 'No class hierarchies besides errors and streams: hand a function in.',
  },
];

const WAIT = 'A test waits for what it needs (waitUntil), never for time to pass';
const SLEEPING = [
  {
    selector: "NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout']",
    message: `${WAIT}.`,
  },
  {
    selector: 'ImportDeclaration[source.value=/^(node:)?timers.promises$/]',
    message: `${WAIT}: no timers/promises.`,
  },
];

const PURE = 'The domain is pure and synchronous';
const DOMAIN = [
  { selector: ':function[async=true]', message: `${PURE}: no async functions.` },
  { selector: ':function[generator=true]', message: `${PURE}: no generators.` },
  { selector: 'AwaitExpression', message: `${PURE}: no await.` },
  { selector: 'ForOfStatement[await=true]', message: `${PURE}: no for await.` },
  { selector: 'ImportExpression', message: `${PURE}: no import().` },
  { selector: "Identifier[name='Promise']", message: `${PURE}: no promises.` },
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: `${PURE}: the time is an argument, not Date.now().`,
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: `${PURE}: the time is an argument, not new Date().`,
  },
  {
    selector: "CallExpression[callee.name='Date']",
    message: `${PURE}: the time is an argument, not Date().`,
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: `${PURE}: no randomness.`,
  },
  {
    selector:
      'Identifier[name=/^(process|globalThis|performance|crypto|console|fetch|setTimeout|setInterval|setImmediate|queueMicrotask)$/]',
    message: `${PURE}: no clock, environment or output.`,
  },
];

/** A note of work to do names the issue that holds it: `TODO(#12): …`. */
const todoNamesIssue = {
  meta: { type: 'suggestion', schema: [], messages: { bare: 'Work to do belongs to an issue: TODO(#12).' } },
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        if (/\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))/.test(comment.value)) {
          context.report({ loc: comment.loc, messageId: 'bare' });
        }
      }
    },
  }),
};

const syntax = (...groups) => ['error', ...groups.flat()];

export default tseslint.config(
  { ignores: ['**/dist/', '**/generated/', '**/node_modules/', '.local/', 'coverage/'] },
  { linterOptions: { noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    ignores: CONFIG_FILES,
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.tests.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // `() => void list.push(x)` says that the result is not meant.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      // Code points are what lengths are counted in.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // Calls a variable constant that a callback or an await in between changes.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // `query<Row>(…)` names the shape of what comes back: that is its one use.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unnecessary-type-arguments': 'off',
      // Drivers declare numbers of a wire format as enums.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
    },
  },
  {
    files: ['**/*.{mjs,cjs,js}', 'services/*/*.ts', 'bench/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strict],
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable', require: 'readonly' } },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.{ts,mjs,cjs,js}'],
    plugins: { orderflow: { rules: { 'todo-names-issue': todoNamesIssue } } },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'no-console': 'error',
      'orderflow/todo-names-issue': 'error',
      'no-restricted-syntax': syntax(STYLE, ENVIRONMENT),
    },
  },
  {
    files: ['**/*.ts'],
    ignores: TESTS,
    rules: { 'max-lines-per-function': ['error', { max: 60, IIFEs: true }] },
  },
  {
    files: ['services/*/src/{store,http,sweepers,steps}/**/*.ts', 'services/*/src/*store*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@orderflow/messaging/postgres',
              importNames: ['createPool'],
              message: 'Pools are opened in service.ts and handed in.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ENVIRONMENT_READERS,
    rules: { 'no-restricted-syntax': syntax(STYLE) },
  },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      'no-restricted-syntax': syntax(STYLE, ENVIRONMENT, SLEEPING),
      // Fakes are handed over as values; a mock's method is looked at, not called without its object.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      // Bodies of answers and rows of ad-hoc queries: the assertion is the check of their shape.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['services/*/src/domain/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-syntax': syntax(STYLE, ENVIRONMENT, DOMAIN) },
  },
  {
    files: [
      'infra/{cli,local,compose}/**',
      'bench/**',
      'chaos/**',
      'tests/**',
      'packages/*/{scripts,bench}/**',
    ],
    rules: { 'no-console': 'off' },
  },
);
