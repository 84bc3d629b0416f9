import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure, runStep } from './step.mjs';

const NODE_MINIMUM = [20, 19];
const JAVA_MINIMUM = 17;

function runs(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return result.status === 0 ? `${result.stdout}${result.stderr}` : null;
}

function javaMajor() {
  const home = process.env.JAVA_HOME;
  const answer = runs(home ? join(home, 'bin', 'java') : 'java', ['-version']);
  return Number(/version "(\d+)/.exec(answer ?? '')?.[1] ?? 0);
}

/** What is needed, how to see it, and the packages that bring it: the first one that the system knows is taken. */
const PREREQUISITES = {
  java: {
    name: `Java ${JAVA_MINIMUM} or later`,
    present: () => javaMajor() >= JAVA_MINIMUM,
    debian: ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'default-jre-headless'],
    brew: 'openjdk@17',
  },
  maven: {
    name: 'Maven',
    present: () => runs('mvn', ['-version']) !== null,
    debian: ['maven'],
    brew: 'maven',
  },
  redis: {
    name: 'redis-server or valkey-server',
    present: () => ['redis-server', 'valkey-server'].some((server) => runs(server, ['--version']) !== null),
    debian: ['redis-server', 'valkey-server'],
    brew: 'redis',
  },
  wrk: {
    name: 'wrk',
    present: () => spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined,
    debian: ['wrk'],
    brew: 'wrk',
  },
  chromium: {
    name: 'Chromium',
    present: () =>
      ['chromium', 'chromium-browser', 'google-chrome'].some((name) => runs(name, ['--version']) !== null),
    debian: ['chromium'],
    brew: 'chromium',
    without: 'tests of pages are skipped',
  },
};

/** @throws BootstrapFailure when this Node is too old for the dependencies. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = NODE_MINIMUM;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new BootstrapFailure(
    `Node.js ${NODE_MINIMUM.join('.')} or later is needed, this is ${process.versions.node}: nvm install 20`,
  );
}

function installLine(prerequisite) {
  if (process.platform === 'darwin') return `brew install ${prerequisite.brew}`;
  return `sudo apt-get install -y ${prerequisite.debian[0]}`;
}

function canInstall() {
  return (
    existsSync('/etc/debian_version') && process.getuid?.() === 0 && runs('apt-get', ['--version']) !== null
  );
}

function knownPackage(candidates) {
  return (
    candidates.find((name) => runs('apt-cache', ['show', '--no-all-versions', name]) !== null) ??
    candidates[0]
  );
}

async function install(missing, logDir) {
  const log = join(logDir, 'apt.log');
  // RUNLEVEL=1 keeps a package from starting its daemon: the stack starts its own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await runStep({
    title: 'Package lists (apt-get update)',
    command: 'apt-get',
    args: ['update', '-q'],
    log,
    env,
  });
  const packages = missing.map(({ debian }) => knownPackage(debian));
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  await runStep({
    title: `Missing prerequisites: ${packages.join(', ')}`,
    command: 'apt-get',
    args,
    log,
    env,
  });
}

function missingOf(names) {
  return names.map((name) => PREREQUISITES[name]).filter(({ present }) => !present());
}

/**
 * Promises that the named prerequisites are there; installs what is missing on Debian and Ubuntu as root.
 *
 * @throws BootstrapFailure naming each missing one with the line that installs it.
 */
export async function requirePrerequisites(names, logDir) {
  const missing = missingOf(names);
  if (missing.length === 0) return;
  const advice = (list) => list.map((item) => `${item.name} is missing: ${installLine(item)}`).join('\n');
  if (!canInstall()) throw new BootstrapFailure(advice(missing));
  await install(missing, logDir);
  const still = missing.filter(({ present }) => !present());
  if (still.length > 0) throw new BootstrapFailure(advice(still));
}

/** Installs what is missing where that can be done; elsewhere, and when it fails, it says what is done without. */
export async function wishForPrerequisites(names, logDir) {
  const missing = missingOf(names);
  if (missing.length === 0) return;
  try {
    if (canInstall()) await install(missing, logDir);
  } catch (error) {
    if (!(error instanceof BootstrapFailure)) throw error;
  }
  for (const item of missing.filter(({ present }) => !present())) {
    console.error(`${item.name} is missing: ${item.without}. ${installLine(item)}`);
  }
}
