import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a run of suites leaves its report, from the checkout's root. */
export const REPORT = join('.local', 'report.json');

/**
 * Writes down what failed, and no more: jest's own --json is not written when a run bails out, nor when a failure shows
 * a bigint.
 */
export default class FailureReporter {
  constructor({ rootDir }) {
    this.path = join(rootDir, REPORT);
  }

  onRunComplete(_contexts, { testResults, numTotalTests }) {
    const suites = testResults.map(({ testFilePath, testExecError, failureMessage, testResults: tests }) => ({
      path: testFilePath,
      error: testExecError ? failureMessage : null,
      failed: tests
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => ({ title: fullName, message: failureMessages[0] ?? '' })),
    }));
    writeFileSync(this.path, JSON.stringify({ tests: numTotalTests, suites }));
  }
}
