/** A file written only to break one import rule, or to show what is allowed. */
export interface PlantedFile {
  readonly path: string;
  readonly text: string;
}

/** The allowed layout: every room imports all that it may. The rules must be silent on it. */
export const LEGAL_FILES: readonly PlantedFile[] = [
  file('packages/client/src/errors.ts'),
  file('packages/client/src/client.ts', "import 'openapi-fetch'; import './errors.ts';"),
  file('packages/client/src/client.unit.test.ts', "import 'node:http'; import '@orderflow/testing/laws';"),
  file('packages/shared-events/src/envelope.ts', "import 'zod';"),
  file('packages/shared-events/src/order.ts', "import './envelope.ts';"),
  file('packages/messaging/src/postgres.ts', "import 'pg';"),
  file(
    'packages/messaging/src/outbox.ts',
    "import 'node:crypto'; import '@orderflow/shared-events/envelope';",
  ),
  file('packages/messaging/src/coalesce.ts'),
  file('packages/messaging/src/step.ts', "import 'kafkajs'; import './outbox.ts';"),
  file('packages/operations/src/shapes.ts', "import 'zod'; import '@orderflow/service-runtime/route';"),
  file('packages/operations/src/action-log.ts', "import '@orderflow/messaging/postgres';"),
  file('packages/operations/src/operations.ts', "import './shapes.ts'; import './action-log.ts';"),
  file('services/gateway/src/http/ops/routes.ts', "import '@orderflow/operations/shapes';"),
  file('services/coupon/src/http/nudge-coupon.ts', "import '@orderflow/operations/action-log';"),
  file('packages/service-runtime/src/route.ts', "import 'express'; import 'zod';"),
  file('packages/testing/src/laws.ts', "import 'fast-check'; import 'kafkajs';"),
  file('infra/local/src/stack-file.ts', "import 'node:fs';"),
  file('services/order/src/domain/advance.ts'),
  file('services/coupon/src/generated/client.ts', 'export type Client = string;'),
  file('services/coupon/src/domain/coupon.ts'),
  file(
    'services/coupon/src/domain/apply.ts',
    "import './coupon.ts'; import '@orderflow/shared-events/order';",
  ),
  file(
    'services/coupon/src/store.ts',
    `import './domain/coupon.ts'; import './generated/client.ts'; import type { Pool } from 'pg';
    import '@orderflow/messaging/postgres'; import '@orderflow/messaging/outbox'; export type P = Pool;`,
  ),
  file(
    'services/coupon/src/steps/apply-coupons.ts',
    `import '../domain/apply.ts'; import '../store.ts';
    import '@orderflow/shared-events/order'; import '@orderflow/messaging/step';`,
  ),
  file('services/coupon/src/http/coupon-shape.ts', "import 'zod';"),
  file(
    'services/coupon/src/http/issue-coupon.ts',
    `import './coupon-shape.ts'; import '../store.ts'; import '../domain/coupon.ts';
    import '@orderflow/service-runtime/route'; import '@orderflow/messaging/coalesce';
    import '@orderflow/messaging/postgres';`,
  ),
  file(
    'services/coupon/src/sweepers/retention.ts',
    "import '../store.ts'; import '@orderflow/messaging/outbox';",
  ),
  file('services/coupon/src/config.ts', "import 'zod';"),
  file(
    'services/coupon/src/service.ts',
    `import './http/issue-coupon.ts'; import './steps/apply-coupons.ts'; import './sweepers/retention.ts';
    import './config.ts'; import '@orderflow/messaging/postgres';`,
  ),
  file('services/coupon/src/main.ts', "import './service.ts';"),
  file('services/coupon/src/store.int.test.ts', "import './service.ts'; import '@orderflow/testing/laws';"),
  file('services/gateway/src/http/proxy.ts', "import 'express'; import '@orderflow/service-runtime/route';"),
  file('services/gateway/src/http/proxy.unit.test.ts', "import './proxy.ts';"),
  file(
    'infra/api/src/api-document.ts',
    `import '../../../services/coupon/src/service.ts'; import '../../../services/gateway/src/http/proxy.ts';`,
  ),
  file('tests/saga/explorer.unit.test.ts', "import '../../services/order/src/domain/advance.ts';"),
  file(
    'tests/e2e/orders.e2e.test.ts',
    "import 'kafkajs'; import '@orderflow/testing/laws'; import '@orderflow/local/stack-file';",
  ),
];

/** Per rule the files that break it and nothing else. */
export const PLANTED_IMPORTS: Readonly<Record<string, readonly PlantedFile[]>> = {
  'shared-events-imports-zod-only': [
    file('packages/shared-events/src/planted-core.ts', "import 'node:crypto';"),
    file('packages/shared-events/src/planted-kit.ts', "import '@orderflow/messaging/coalesce';"),
    file('packages/shared-events/src/planted-client.ts', "import 'pg';"),
  ],
  'client-imports-openapi-fetch-only': [
    file('packages/client/src/planted-core.ts', "import 'node:crypto';"),
    file('packages/client/src/planted-event.ts', "import '@orderflow/shared-events/order';"),
    file('packages/client/src/planted-zod.ts', "import 'zod';"),
  ],
  'messaging-knows-no-business': [
    file('packages/messaging/src/planted-http.ts', "import 'express';"),
    file('packages/messaging/src/planted-event.ts', "import '@orderflow/shared-events/order';"),
    file('packages/messaging/src/planted-prisma.ts', "import '@prisma/client';"),
    file('packages/messaging/src/planted-runtime.ts', "import '@orderflow/service-runtime/route';"),
  ],
  'service-runtime-knows-no-events': [
    file('packages/service-runtime/src/planted-kit.ts', "import '@orderflow/messaging/outbox';"),
    file('packages/service-runtime/src/planted-event.ts', "import '@orderflow/shared-events/order';"),
  ],
  'operations-fit-any-service': [
    file('packages/operations/src/planted-event.ts', "import '@orderflow/shared-events/order';"),
    file('packages/operations/src/planted-client.ts', "import 'pg';"),
  ],
  'gateway-runs-without-the-kit': [
    file('services/gateway/src/http/planted-kit.ts', "import '@orderflow/messaging/step';"),
    file('services/gateway/src/http/ops/planted-routes.ts', "import '@orderflow/operations/operations';"),
  ],
  'packages-never-import-services': [
    file(
      'packages/messaging/src/planted-service.ts',
      "import '../../../services/order/src/domain/advance.ts';",
    ),
    file(
      'packages/service-runtime/src/planted-service.ts',
      "import '../../../services/coupon/src/config.ts';",
    ),
    file('packages/testing/src/planted-service.ts', "import '../../../services/coupon/src/store.ts';"),
    file('infra/local/src/planted-service.ts', "import '../../../services/coupon/src/store.ts';"),
  ],
  'api-document-sees-compositions-only': [
    file('infra/api/src/planted-store.ts', "import '../../../services/coupon/src/store.ts';"),
    file('infra/api/src/planted-domain.ts', "import '../../../services/order/src/domain/advance.ts';"),
  ],
  'services-never-import-each-other': [
    file('services/coupon/src/planted-neighbour.ts', "import '../../order/src/domain/advance.ts';"),
    file('services/gateway/src/planted-neighbour.ts', "import '../../coupon/src/config.ts';"),
    file('services/coupon/src/neighbour.int.test.ts', "import '../../order/src/domain/advance.ts';"),
  ],
  'domain-imports-domain-and-events-only': [
    file('services/coupon/src/domain/planted-store.ts', "import '../store.ts';"),
    file('services/coupon/src/domain/planted-core.ts', "import 'node:crypto';"),
    file('services/coupon/src/domain/planted-zod.ts', "import 'zod';"),
    file('services/coupon/src/domain/planted-kit.ts', "import '@orderflow/messaging/step';"),
    file(
      'services/coupon/src/domain/planted-type.ts',
      "import type { Pool } from 'pg'; export type P = Pool;",
    ),
  ],
  'store-imports-domain-and-database-only': [
    file('services/coupon/src/planted-http-store.ts', "import './http/coupon-shape.ts';"),
    file('services/coupon/src/planted-step-store.ts', "import './steps/apply-coupons.ts';"),
    file('services/coupon/src/store/planted-kit.ts', "import '@orderflow/messaging/step';"),
  ],
  'connections-are-handed-in': [
    file('services/coupon/src/planted-pool-store.ts', "import 'pg';"),
    file('services/coupon/src/http/planted-pool.ts', "import 'pg';"),
    file('services/coupon/src/sweepers/planted-pool.ts', "import 'pg';"),
  ],
  'steps-import-domain-store-events-and-kit-only': [
    file('services/coupon/src/steps/planted-http.ts', "import '../http/coupon-shape.ts';"),
    file('services/coupon/src/steps/planted-step.ts', "import './apply-coupons.ts';"),
    file('services/coupon/src/steps/planted-runtime.ts', "import '@orderflow/service-runtime/route';"),
  ],
  'http-and-sweepers-stay-in-their-room': [
    file('services/coupon/src/http/planted-step.ts', "import '../steps/apply-coupons.ts';"),
    file('services/coupon/src/http/planted-kit.ts', "import '@orderflow/messaging/step';"),
    file('services/coupon/src/http/planted-operations.ts', "import '@orderflow/operations/operations';"),
    file('services/coupon/src/sweepers/planted-step.ts', "import '../steps/apply-coupons.ts';"),
    file('services/coupon/src/sweepers/planted-http.ts', "import '../http/coupon-shape.ts';"),
  ],
  'kafkajs-behind-the-kit': [
    file('services/coupon/src/planted-kafka.ts', "import 'kafkajs';"),
    file('services/gateway/src/http/planted-kafka.ts', "import 'kafkajs';"),
    file('packages/service-runtime/src/planted-kafka.ts', "import 'kafkajs';"),
  ],
  'one-door-a-package': [
    file('services/coupon/src/planted-path.ts', "import '../../../packages/messaging/src/step.ts';"),
    file('tests/e2e/planted-path.ts', "import '../../infra/local/src/stack-file.ts';"),
    file('infra/local/src/planted-path.ts', "import '../../../packages/shared-events/src/order.ts';"),
  ],
  'tests-see-http-and-kafka-only': [
    file('tests/e2e/planted-domain.ts', "import '../../services/order/src/domain/advance.ts';"),
    file('tests/architecture/planted-store.ts', "import '../../services/coupon/src/store.ts';"),
  ],
  'saga-explorer-sees-domain-only': [
    file('tests/saga/planted-store.ts', "import '../../services/coupon/src/store.ts';"),
    file('tests/saga/planted-step.ts', "import '../../services/coupon/src/steps/apply-coupons.ts';"),
  ],
  'product-never-imports-tests': [
    file('services/coupon/src/planted-laws.ts', "import '@orderflow/testing/laws';"),
    file('services/gateway/src/http/planted-test.ts', "import './proxy.unit.test.ts';"),
  ],
  'dependencies-are-declared': [file('services/coupon/src/planted-hoisted.ts', "import 'ioredis';")],
  'no-development-dependency-at-run-time': [
    file('services/coupon/src/planted-development.ts', "import 'supertest';"),
  ],
  'imports-resolve': [file('services/coupon/src/planted-missing.ts', "import './nowhere.ts';")],
  'no-cycles': [file('services/coupon/src/domain/planted-circle.ts', "import './planted-circle.ts';")],
  'no-barrels': [
    file('services/coupon/src/domain/index.ts', "export * from './coupon.ts';"),
    file('packages/messaging/src/index.ts'),
  ],
  'no-room-without-a-subject': [
    file('services/coupon/src/utils/money.ts'),
    file('services/order/src/domain/helpers.ts'),
    file('packages/messaging/src/common.ts'),
  ],
};

/** The planted workspaces declare what the planted files import; `supertest` is there for tests only. */
export const PACKAGE_FILES: readonly PlantedFile[] = [
  'packages/client',
  'packages/shared-events',
  'packages/messaging',
  'packages/operations',
  'packages/service-runtime',
  'packages/testing',
  'services/coupon',
  'services/order',
  'services/gateway',
  'infra/api',
  'infra/local',
  'tests',
].map((workspace) => ({
  path: `${workspace}/package.json`,
  text: JSON.stringify({
    name: workspace,
    type: 'module',
    dependencies: Object.fromEntries(
      ['@prisma/client', 'express', 'fast-check', 'kafkajs', 'openapi-fetch', 'pg', 'zod'].map((name) => [
        name,
        '*',
      ]),
    ),
    devDependencies: { supertest: '*' },
  }),
}));

function file(path: string, imports = ''): PlantedFile {
  return { path, text: `${imports}\nexport const value = '${path}';\n` };
}
