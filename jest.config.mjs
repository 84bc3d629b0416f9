import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Three projects: `unit` needs nothing, `int` starts real backends once, `e2e` drives a running stack.
 * Tests run from source; other packages are their built `dist`, as at run time.
 */

/** Node's ECMAScript modules need NODE_OPTIONS=--experimental-vm-modules. */
const shared = {
  rootDir: import.meta.dirname,
  roots: [
    '<rootDir>/packages',
    '<rootDir>/services',
    '<rootDir>/infra',
    '<rootDir>/bench',
    '<rootDir>/chaos',
    '<rootDir>/tests',
  ],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/\\.local/'],
  modulePathIgnorePatterns: ['<rootDir>/\\.local/', '<rootDir>/.*/dist/package.json'],
  watchPathIgnorePatterns: ['/\\.local/'],
};

const unit = { ...shared, displayName: 'unit', testMatch: ['**/*.unit.test.ts'] };
const int = {
  ...shared,
  displayName: 'int',
  testMatch: ['**/*.int.test.ts'],
  globalSetup: '<rootDir>/packages/testing/dist/jest-global-setup.js',
  globalTeardown: '<rootDir>/packages/testing/dist/jest-global-teardown.js',
};
const e2e = { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/tests/e2e/**/*.e2e.test.ts'] };

/** Jest refuses every project when one names a missing file: before the first build there are unit tests only. */
const built = existsSync(join(import.meta.dirname, 'packages/testing/dist/jest-global-setup.js'));

/** @type {import('jest').Config} */
export default {
  maxWorkers: 2,
  testTimeout: 30_000,
  projects: built ? [unit, int, e2e] : [unit],
};
