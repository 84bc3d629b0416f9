/**
 * Who may import whom. Each rule has a planted violation in
 * tests/architecture/boundaries.unit.test.ts, which also refuses a rule without one.
 *
 * Imports by package name resolve to the package's sources through tsconfig.tests.json, so the check needs no build
 * and sees cycles that run through several packages.
 */

const TEST_FILE = '\\.test\\.ts$';
const SERVICE = '^services/(?!gateway/)([^/]+)';

/** One service's own files: `$1` is the service named by the `from` path. */
const own = (...rooms) => rooms.map((room) => `^services/$1/src/${room}`);

const DOMAIN = 'domain/';
const STORE = '(store/|[^/]*store[^/]*\\.ts$)';
const GENERATED = 'generated/';
const EVENTS = '^packages/shared-events/src/';
const PG_TYPES = 'node_modules/(@types/)?pg/';
/** The kit's view of Postgres (`Tx`, `transaction`, array parameters). Lint keeps its `createPool` in service.ts. */
const KIT_POSTGRES = '^packages/messaging/src/postgres\\.ts$';
const KIT_OUTBOX = '^packages/messaging/src/outbox\\.ts$';
const PRISMA = 'node_modules/@?prisma/';

module.exports = {
  forbidden: [
    {
      name: 'shared-events-imports-zod-only',
      comment: 'The contracts are installed by consumers outside this repository.',
      severity: 'error',
      from: { path: '^packages/shared-events/src/', pathNot: TEST_FILE },
      to: { pathNot: ['^packages/shared-events/', 'node_modules/zod/'] },
    },
    {
      name: 'client-imports-openapi-fetch-only',
      comment:
        'Client developers install it, for Node and for browsers: nothing of ours and nothing of Node’s.',
      severity: 'error',
      from: { path: '^packages/client/src/', pathNot: TEST_FILE },
      to: { pathNot: ['^packages/client/', 'node_modules/openapi-fetch/'] },
    },
    {
      name: 'messaging-knows-no-business',
      comment: 'The kit knows the envelope, kafkajs and pg, and no event by name.',
      severity: 'error',
      from: { path: '^packages/messaging/src/', pathNot: TEST_FILE },
      to: {
        dependencyTypesNot: ['core'],
        pathNot: [
          '^packages/messaging/',
          '^services/',
          '^tests/',
          `${EVENTS}(envelope|contract|money|fault)\\.ts$`,
          'node_modules/kafkajs/',
          PG_TYPES,
        ],
      },
    },
    {
      name: 'service-runtime-knows-no-events',
      comment: 'A process can be run and served without Kafka; the gateway is one.',
      severity: 'error',
      from: { path: '^packages/service-runtime/src/', pathNot: TEST_FILE },
      to: {
        path: ['^packages/', 'node_modules/@?prisma/'],
        pathNot: '^packages/service-runtime/',
      },
    },
    {
      name: 'operations-fit-any-service',
      comment: 'What every service serves for its operators knows no event and no table but the kit’s.',
      severity: 'error',
      from: { path: '^packages/operations/src/', pathNot: TEST_FILE },
      to: {
        dependencyTypesNot: ['core'],
        pathNot: [
          '^packages/(operations|messaging|service-runtime)/',
          '^services/',
          '^tests/',
          '^packages/testing/',
          'node_modules/zod/',
        ],
      },
    },
    {
      name: 'gateway-runs-without-the-kit',
      comment: 'Of operations it has the shapes of questions and answers: no Kafka, no database.',
      severity: 'error',
      from: { path: '^services/gateway/src/' },
      to: {
        path: '^packages/(messaging|operations)/',
        pathNot: '^packages/operations/src/(shapes|contracts|reconciliation)\\.ts$',
      },
    },
    {
      name: 'packages-never-import-services',
      severity: 'error',
      from: { path: '^(packages|infra)/', pathNot: '^infra/api/' },
      to: { path: '^services/' },
    },
    {
      name: 'api-document-sees-compositions-only',
      comment: 'The document is made from the routes as each service puts them together.',
      severity: 'error',
      from: { path: '^infra/api/' },
      to: {
        path: '^services/',
        pathNot: ['^services/[^/]+/src/(service|config)\\.ts$', '^services/gateway/src/http/'],
      },
    },
    {
      name: 'services-never-import-each-other',
      comment: 'Services meet in events and HTTP only.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'domain-imports-domain-and-events-only',
      comment: 'Pure and synchronous: the saga explorer runs these functions without Kafka or Postgres.',
      severity: 'error',
      from: { path: `${SERVICE}/src/domain/`, pathNot: TEST_FILE },
      to: { pathNot: [...own(DOMAIN), EVENTS] },
    },
    {
      name: 'store-imports-domain-and-database-only',
      comment:
        'SQL and nothing else: no transport, no step. An outbox of its own (order_events) keeps the kit’s contract.',
      severity: 'error',
      from: { path: `${SERVICE}/src/${STORE}`, pathNot: TEST_FILE },
      to: { pathNot: [...own(DOMAIN, STORE, GENERATED), EVENTS, PG_TYPES, KIT_POSTGRES, KIT_OUTBOX, PRISMA] },
    },
    {
      name: 'connections-are-handed-in',
      comment: 'Pools are opened in service.ts; the rooms take their types only.',
      severity: 'error',
      from: { path: `${SERVICE}/src/(${STORE}|http/|sweepers/)`, pathNot: TEST_FILE },
      to: { path: PG_TYPES, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'steps-import-domain-store-events-and-kit-only',
      comment: 'A step is load, decide, evolve, save and its name; steps do not know each other.',
      severity: 'error',
      from: { path: `${SERVICE}/src/steps/`, pathNot: TEST_FILE },
      to: { pathNot: [...own(DOMAIN, STORE), EVENTS, '^packages/messaging/src/'] },
    },
    {
      name: 'http-and-sweepers-stay-in-their-room',
      comment:
        'Of the kit they use outbox, coalesce and dead letters: everything else of it belongs to steps.',
      severity: 'error',
      from: { path: `${SERVICE}/src/(http|sweepers)/`, pathNot: TEST_FILE },
      to: {
        dependencyTypesNot: ['core'],
        pathNot: [
          ...own(DOMAIN, STORE, '$2/'),
          EVENTS,
          '^packages/service-runtime/src/',
          '^packages/messaging/src/(outbox|coalesce|dead-letters)\\.ts$',
          '^packages/operations/src/(action-log|rounded)\\.ts$',
          'node_modules/zod/',
          PG_TYPES,
          KIT_POSTGRES,
        ],
      },
    },
    {
      name: 'kafkajs-behind-the-kit',
      comment:
        'The client is unmaintained: it can be replaced in one place. Tests and the local stack are witnesses.',
      severity: 'error',
      from: {
        pathNot: ['^packages/(messaging|testing)/', '^infra/', '^tests/', '^(bench|chaos)/', TEST_FILE],
      },
      to: { path: 'node_modules/kafkajs/' },
    },
    {
      name: 'one-door-a-package',
      comment: 'A package is imported by its name and exports map, never by a path into it.',
      severity: 'error',
      from: { path: '^(packages/[^/]+|services/[^/]+|infra/[^/]+|tests|bench|chaos)/' },
      to: {
        path: '^(packages/[^/]+|infra/local|chaos)/',
        pathNot: '^$1/',
        dependencyTypesNot: ['aliased', 'aliased-tsconfig', 'aliased-tsconfig-paths'],
      },
    },
    {
      name: 'tests-see-http-and-kafka-only',
      comment: 'Tests of the whole import no service code.',
      severity: 'error',
      from: { path: '^(tests|bench|chaos)/', pathNot: '^tests/saga/' },
      to: { path: '^services/' },
    },
    {
      name: 'saga-explorer-sees-domain-only',
      comment: 'The explorer runs the real decisions of all services, and nothing around them.',
      severity: 'error',
      from: { path: '^tests/saga/' },
      to: { path: '^services/', pathNot: '^services/[^/]+/src/domain/' },
    },
    {
      name: 'product-never-imports-tests',
      severity: 'error',
      from: {
        path: '^(packages/(client|shared-events|messaging|service-runtime)|services/[^/]+|infra/[^/]+)/',
        pathNot: TEST_FILE,
      },
      to: { path: ['^packages/testing/', '^tests/', TEST_FILE] },
    },
    {
      name: 'dependencies-are-declared',
      comment:
        'Hoisting hides a dependency that the package does not declare. @jest/globals is what jest itself provides.',
      severity: 'error',
      from: { path: '^(packages|services|infra|chaos|tests)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@jest/globals/' },
    },
    {
      name: 'no-development-dependency-at-run-time',
      severity: 'error',
      from: { path: '^(packages|services|infra)/[^/]+/src/', pathNot: TEST_FILE },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'imports-resolve',
      severity: 'error',
      from: { pathNot: '/generated/' },
      to: { couldNotResolve: true, pathNot: '/generated/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: '/generated/' },
      to: { circular: true },
    },
    {
      name: 'no-barrels',
      comment: 'A re-exporting index hides who needs what and makes cycles.',
      severity: 'error',
      from: {},
      module: {
        path: '(^|/)index\\.[cm]?[jt]sx?$',
        pathNot: ['node_modules/', '/generated/'],
        numberOfDependentsLessThan: 100,
      },
    },
    {
      name: 'no-room-without-a-subject',
      comment: 'A file is named after what it is about.',
      severity: 'error',
      from: {},
      module: {
        path: '(^|/)(utils?|helpers?|commons?|misc|shared)(/|\\.[cm]?[jt]sx?$)',
        pathNot: ['node_modules/', '/generated/'],
        numberOfDependentsLessThan: 100,
      },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/generated/'] },
    exclude: { path: ['/dist/', '\\.prisma/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
    skipAnalysisNotInRules: true,
  },
};
