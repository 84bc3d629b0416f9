// The way from a fresh clone to a running command. No dependencies: it runs before any is installed.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { requireNode, requirePrerequisites, wishForPrerequisites } from './bootstrap/prerequisites.mjs';
import { BootstrapFailure, EXIT } from './bootstrap/step.mjs';
import {
  buildIfChanged,
  fetchJars,
  installPackages,
  jarsAreCurrent,
  linkPostgresLibraries,
  packagesAreCurrent,
} from './bootstrap/workspace.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const STATE_DIR = join(ROOT, '.local');
const LOG_DIR = join(STATE_DIR, 'logs');

/** What each command runs once everything is there, and whether it starts backends. */
const COMMANDS = {
  start: { module: 'main.js', backends: true },
  test: { module: 'test-run.js', backends: true, wanted: ['chromium'] },
  check: { module: 'check-run.js', backends: false },
  audit: { module: 'audit-run.js', backends: false },
  reconcile: { module: 'reconcile/main.js', backends: false },
  orderflow: { module: '../../cli/dist/main.js', backends: false },
  bench: { module: '../../../bench/dist/main.js', backends: true, needed: ['wrk'] },
  fuzz: { module: 'fuzz/main.js', backends: true },
  mutation: { module: '../../../tests/mutation/main.mjs', backends: true },
  chaos: { module: '../../../chaos/dist/main.js', backends: true },
};

/** Prerequisites first, since a missing one ends the start; then both downloads side by side; then the build. */
async function prepare({ backends, needed = [], wanted = [] }) {
  const fetching = backends && !jarsAreCurrent(ROOT, STATE_DIR);
  if (backends)
    await requirePrerequisites(['java', 'redis', ...needed, ...(fetching ? ['maven'] : [])], LOG_DIR);
  await wishForPrerequisites(wanted, LOG_DIR);
  await Promise.all([
    fetching ? fetchJars(ROOT, STATE_DIR) : null,
    packagesAreCurrent(ROOT) ? null : installPackages(ROOT, STATE_DIR),
  ]);
  await linkPostgresLibraries(ROOT, STATE_DIR);
  await buildIfChanged(ROOT, STATE_DIR);
}

/** Removes everything the commands have written besides node_modules and the builds. */
function clean() {
  const file = join(STATE_DIR, 'stack.json');
  const launcher = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).launcher.pid : null;
  if (launcher !== null && existsSync(`/proc/${launcher}`)) {
    throw new BootstrapFailure(
      `A stack is running (process ${launcher}): stop it first, with Ctrl-C or kill ${launcher}.`,
    );
  }
  rmSync(STATE_DIR, { recursive: true, force: true });
}

async function run(name, words) {
  requireNode();
  if (name === 'clean') return clean();
  const command = COMMANDS[name];
  if (command === undefined) {
    const names = [...Object.keys(COMMANDS), 'clean'].join('|');
    throw new BootstrapFailure(`Usage: node infra/local/bootstrap.mjs <${names}> [arguments]`, EXIT.usage);
  }
  await prepare(command);
  if (process.ppid !== CALLER) return;
  const module = join(HERE, 'dist', command.module);
  process.argv = [process.execPath, module, ...words];
  await import(pathToFileURL(module).href);
}

/** The npm that called; when it is killed while packages are installed, nothing is to be started behind its back. */
const CALLER = process.ppid;

// Colours are for a terminal; without this the CI variable turns them on in a log.
if (!process.stdout.isTTY && !process.env.FORCE_COLOR) process.env.NO_COLOR = '1';

const [name, ...words] = process.argv.slice(2);
run(name, words).catch((error) => {
  console.error(error instanceof BootstrapFailure ? error.message : error);
  process.exitCode = error instanceof BootstrapFailure ? error.exitCode : EXIT.failed;
});
