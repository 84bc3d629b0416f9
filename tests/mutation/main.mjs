import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GUARDS } from './guards.mjs';
import { makeScratch, occurrences, removeGuard } from './scratch.mjs';
import { endSuites, runSuites } from './suites.mjs';

const ROOT = realpathSync(fileURLToPath(new URL('../..', import.meta.url)));
const SCRATCH = join(ROOT, '.local', 'mutation');

const HELP = `Takes each guard out of a copy of the code, one at a time, and runs the suites that are to notice.

Usage: npm run test:mutation -- [options]

  --only <name>  this guard, or all whose names begin so; may come several times
  --list         print the guards and what they promise
  --help

Exit code: 0 every removal was noticed, 1 one was not, or its text is not found exactly once, 2 usage.`;

const USAGE = 2;
const seconds = (ms) => `${(ms / 1000).toFixed(0)} s`;

function parse(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', multiple: true },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const { only } = values;
  const chosen = only ? GUARDS.filter(({ name }) => only.some((part) => name.startsWith(part))) : GUARDS;
  if (chosen.length === 0) throw new Error(`no guard is called ${only.join(' or ')}: --list shows all`);
  return { ...values, chosen };
}

/** What makes a guard no guard: told before anything runs. */
function faultsOf(guards) {
  return guards.flatMap((guard) => {
    const found = occurrences(ROOT, guard);
    const missing = guard.suites.filter((suite) => !existsSync(join(ROOT, suite)));
    return [
      ...(found === 1 ? [] : [`${guard.name}: its text stands ${found} times in ${guard.file}`]),
      ...missing.map((suite) => `${guard.name}: there is no ${suite}`),
    ];
  });
}

/** A guard's suites take a few seconds, a minute at most on a slow machine. */
const SUITES_LIMIT_MS = 120_000;
const ALL_SUITES_LIMIT_MS = 600_000;

/** Without a guard removed all suites are green, else their redness says nothing. */
async function requireGreen(guards) {
  const suites = [...new Set(guards.flatMap((guard) => guard.suites))];
  const startedAt = Date.now();
  console.log(`${guards.length} guards; first their ${suites.length} suites with every guard in place`);
  const ending = await runSuites(SCRATCH, { suites }, ALL_SUITES_LIMIT_MS);
  if (ending.kind !== 'green') {
    const { suite = '', test = '', why } = ending;
    throw new Error(`not green with every guard in place: ${suite} ${test}\n${why}`);
  }
  console.log(`green, ${seconds(Date.now() - startedAt)}\n`);
}

async function withoutGuard(guard) {
  const putBack = removeGuard(SCRATCH, guard);
  try {
    return await runSuites(SCRATCH, guard, SUITES_LIMIT_MS);
  } finally {
    putBack();
  }
}

function lineOf(ending) {
  switch (ending.kind) {
    case 'red':
      return `noticed: ${ending.test}`;
    case 'green':
      return 'NOT NOTICED';
    default:
      return `NOT TESTED: ${ending.why}`;
  }
}

async function removeEach(guards) {
  const startedAt = Date.now();
  const endings = [];
  for (const [index, guard] of guards.entries()) {
    const from = Date.now();
    const ending = await withoutGuard(guard);
    endings.push({ guard, ending });
    const left = ((Date.now() - startedAt) / (index + 1)) * (guards.length - index - 1);
    const place = `${String(index + 1).padStart(3)}/${guards.length}`;
    console.log(`${place} ${guard.name} ${seconds(Date.now() - from)}: ${lineOf(ending)}`);
    if (ending.why) console.log(`        ${ending.why}`);
    if (left > 60_000) console.log(`        about ${Math.ceil(left / 60_000)} min left`);
  }
  return endings;
}

function printTable(endings) {
  const width = Math.max(...endings.map(({ guard }) => guard.name.length));
  console.log('\nguard, and who noticed that it was gone');
  for (const { guard, ending } of endings) {
    const who = ending.kind === 'red' ? `${ending.suite}: ${ending.test}` : lineOf(ending);
    console.log(`  ${guard.name.padEnd(width)}  ${who}`);
  }
}

async function run(guards) {
  const faults = faultsOf(guards);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) return 1;
  makeScratch(ROOT, SCRATCH);
  await requireGreen(guards);
  const endings = await removeEach(guards);
  printTable(endings);
  const unnoticed = endings.filter(({ ending }) => ending.kind !== 'red');
  console.log(`\n${endings.length - unnoticed.length} of ${endings.length} removals were noticed.`);
  return unnoticed.length === 0 ? 0 : 1;
}

async function main(argv) {
  let options;
  try {
    options = parse(argv);
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    return USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.list) {
    for (const { name, promise } of options.chosen) console.log(`${name}\n    ${promise}`);
    return 0;
  }
  return run(options.chosen);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    endSuites();
    process.exit(130);
  });
}
process.exitCode = await main(process.argv.slice(2));
