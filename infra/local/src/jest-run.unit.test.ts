import { describe, expect, it } from '@jest/globals';
import { sumUp } from './checks.ts';
import { tallyOf } from './jest-run.ts';

const clean = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
};

describe('tallyOf', () => {
  it('counts tests as jest does', () => {
    const report = { ...clean, numFailedTests: 2, numPendingTests: 3, numTodoTests: 1 };
    expect(tallyOf(report, 1)).toEqual({ passed: 5, failed: 2, skipped: 4 });
  });

  it('counts a suite that fails to run as a failure', () => {
    expect(tallyOf({ ...clean, numRuntimeErrorTestSuites: 2 }, 1)).toEqual({
      passed: 5,
      failed: 2,
      skipped: 0,
    });
  });

  it('counts a run that fails with no test failing as a failure', () => {
    expect(tallyOf(clean, 1)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  it('counts a run that leaves no report as a failure', () => {
    expect(tallyOf(null, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe('sumUp', () => {
  it('adds tallies', () => {
    const sum = sumUp([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 0, skipped: 1 },
    ]);
    expect(sum).toEqual({ passed: 11, failed: 2, skipped: 4 });
  });
});
