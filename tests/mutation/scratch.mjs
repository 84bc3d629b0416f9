import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';

/** Not part of what is tested, or made anew. */
const LEFT_OUT = new Set(['.git', '.local', '.turbo', 'node_modules', 'docs']);
const CACHES = new Set(['.turbo', 'coverage']);

/**
 * A copy of the checkout to break: its own sources and builds, and the installed packages of the checkout behind links.
 * Kafka's jars are the checkout's as well.
 * @param {string} root the checkout, built
 * @param {string} folder what is there is thrown away
 */
export function makeScratch(root, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(root)) {
    if (LEFT_OUT.has(name)) continue;
    const filter = (path) => !CACHES.has(basename(path));
    cpSync(join(root, name), join(folder, name), { recursive: true, verbatimSymlinks: true, filter });
  }
  linkPackages(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, '.local'));
  symlinkSync(join(root, '.local', 'kafka'), join(folder, '.local', 'kafka'));
  requireOwnPackages(folder);
}

/** Our own packages are links to workspaces, relative ones: made again they lead to the copy's workspaces. */
function linkPackages(from, to) {
  mkdirSync(join(to, '@orderflow'), { recursive: true });
  for (const name of readdirSync(from)) {
    if (name !== '@orderflow' && name !== '.cache') symlinkSync(join(from, name), join(to, name));
  }
  for (const name of readdirSync(join(from, '@orderflow'))) {
    symlinkSync(readlinkSync(join(from, '@orderflow', name)), join(to, '@orderflow', name));
  }
}

/** A suite that read the checkout's own builds would be green whatever is broken here. */
function requireOwnPackages(folder) {
  const own = `${realpathSync(folder)}/`;
  for (const name of readdirSync(join(folder, 'node_modules', '@orderflow'))) {
    const path = realpathSync(join(folder, 'node_modules', '@orderflow', name));
    if (!path.startsWith(own)) throw new Error(`@orderflow/${name} of the copy is ${path}`);
  }
}

/**
 * How often the guard's text stands in its file: once, or the table is out of date.
 * @param {string} root
 * @param {import('./guards.mjs').Guard} guard
 */
export function occurrences(root, { file, text }) {
  const path = join(root, file);
  return existsSync(path) ? readFileSync(path, 'utf8').split(text).length - 1 : 0;
}

/**
 * Takes the guard out of the copy, builds what is affected, and returns what puts it back.
 * @param {string} folder a scratch copy
 * @param {import('./guards.mjs').Guard} guard
 * @returns {() => void}
 */
export function removeGuard(folder, { file, text, replacement }) {
  const source = join(folder, file);
  const before = readFileSync(source, 'utf8');
  const built = builtOf(source);
  const builtBefore = built === null ? null : readFileSync(built, 'utf8');
  // A function, so that no dollar sign in it means anything.
  const after = before.replace(text, () => replacement);
  writeFileSync(source, after);
  if (built !== null) writeFileSync(built, transpiled(source, after));
  return () => {
    writeFileSync(source, before);
    if (built !== null) writeFileSync(built, builtBefore);
  };
}

/** What other packages import of a source file; null for what is not built, as SQL. */
function builtOf(source) {
  if (!source.endsWith('.ts')) return null;
  const at = source.lastIndexOf('/src/');
  const built = `${source.slice(0, at)}/dist/${source.slice(at + 5).replace(/\.ts$/, '.js')}`;
  return existsSync(built) ? built : null;
}

const MODULES = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  incremental: false,
};

/** Without type checks: a guard taken out may leave a name unused. */
function transpiled(source, text) {
  const folder = source.slice(0, source.lastIndexOf('/src/'));
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const found = ts.getParsedCommandLineOfConfigFile(join(folder, 'tsconfig.json'), {}, host);
  if (!found) throw new Error(`no tsconfig.json in ${folder}`);
  // Alone, a file does not know what package.json says of its kind of module.
  const compilerOptions = { ...found.options, ...MODULES, declaration: false, composite: false };
  return ts.transpileModule(text, { compilerOptions, fileName: source }).outputText;
}
