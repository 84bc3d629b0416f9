import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { REPORT } from './reporter.mjs';

/** Groups of processes that are running: an interrupted run takes them with it. */
const running = new Set();

/** Ends every suite that is running, and what it started. */
export function endSuites() {
  for (const child of running) killGroup(child);
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * @typedef {{ kind: 'green' } | { kind: 'red', suite: string, test: string, why: string } | { kind: 'broken', why: string }} Ending
 * `red`: a test failed. `broken`: a suite did not get to its tests, so nothing was tested.
 */

/**
 * Runs test files of a checkout, one after the other, up to the first that fails.
 * @param {string} folder
 * @param {Pick<import('./guards.mjs').Guard, 'suites' | 'test'>} chosen
 * @param {number} limitMs a suite that hangs without its guard has noticed as well
 * @returns {Promise<Ending>}
 */
export async function runSuites(folder, { suites, test }, limitMs) {
  const reportFile = join(folder, REPORT);
  rmSync(reportFile, { force: true });
  const projects = [...new Set(suites.map((suite) => (suite.endsWith('.int.test.ts') ? 'int' : 'unit')))];
  const jest = join(folder, 'node_modules', 'jest', 'bin', 'jest.js');
  const words = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest];
  words.push(`--reporters=${join(folder, 'tests', 'mutation', 'reporter.mjs')}`);
  words.push('--silent', '--runInBand', '--bail', '--selectProjects', ...projects);
  if (test !== undefined) words.push('--testNamePattern', test);
  const patterns = suites.map((suite) => join(folder, suite).replaceAll('.', '\\.'));
  const child = spawn(process.execPath, [...words, '--testPathPatterns', ...patterns], {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
  });
  running.add(child);
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, limitMs);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  running.delete(child);
  if (isLate)
    return { kind: 'red', suite: suites.join(', '), test: 'does not end', why: `within ${limitMs} ms` };
  if (!existsSync(reportFile)) return { kind: 'broken', why: 'jest ended without a report' };
  return endingOf(folder, JSON.parse(readFileSync(reportFile, 'utf8')));
}

/** @returns {Ending} */
function endingOf(folder, { tests, suites }) {
  for (const { path, error, failed } of suites) {
    const suite = relative(folder, path);
    const [first] = failed;
    if (first) return { kind: 'red', suite, test: first.title, why: firstLine(first.message) };
    if (error !== null) return { kind: 'broken', why: `${suite}: ${firstLine(error)}` };
  }
  return tests === 0 ? { kind: 'broken', why: 'no test was found' } : { kind: 'green' };
}

/** Jest's messages begin with colours and titles that are known already. */
function firstLine(message) {
  const lines = stripVTControlCharacters(message).split('\n');
  return (lines.find((line) => line.trim() !== '' && !line.trim().startsWith('●')) ?? '').trim();
}
