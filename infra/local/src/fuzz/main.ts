import { join } from 'node:path';
import { runDemo } from '../demo/demo.ts';
import { StartFailure, EXIT } from '../failure.ts';
import { seconds } from '../messages.ts';
import { readSettings, ROOT, STATE_DIR_VARIABLE } from '../settings.ts';
import type { StackRun } from '../stack.ts';
import { bringUp } from '../start.ts';
import { findAftermath } from './aftermath.ts';
import { fuzz, installFuzzer, type RoundReport } from './fuzzer.ts';
import { parseFuzzOptions, type FuzzOptions } from './options.ts';
import { poisonTopic } from './poison.ts';

/** Away from the default stack's ports and data; limits would answer most requests with 429. */
const OWN_STACK = {
  ORDERFLOW_PORT_OFFSET: '3300',
  [STATE_DIR_VARIABLE]: join('.local', 'fuzz'),
  RATE_LIMIT_PER_USER: '0',
  RATE_LIMIT_PER_ADDRESS: '0',
  LOG_LEVEL: 'warn',
};

/** Orders of every outcome, so that ids of all kinds exist. */
const DEMO_ORDERS = 60;
const DOCUMENT = join(ROOT, 'packages', 'client', 'openapi.json');

/** Who calls, and for which share of the time. User 1 is the demo's first customer, with money and orders. */
const CALLERS = [
  { caller: 'admin', roles: ['admin'], share: 0.5 },
  { caller: 'user', roles: [], share: 0.35 },
  { caller: 'no token', roles: null, share: 0.15 },
] as const;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** A token lives 15 minutes: longer runs are made of rounds, each with its own. */
const ROUND_MAX_SECONDS = 600;

async function tokenFor(gateway: string, roles: readonly string[] | null): Promise<string | null> {
  if (roles === null) return null;
  const answer = await fetch(`${gateway}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId: 1, roles }),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

async function callEverything(
  program: string,
  gateway: string,
  options: FuzzOptions,
): Promise<RoundReport[]> {
  const { stateDir } = readSettings({ ...process.env, ...OWN_STACK });
  const reports: RoundReport[] = [];
  for (const { caller, roles, share } of CALLERS) {
    let left = Math.max(1, Math.round(options.minutes * 60 * share));
    for (let round = 1; left > 0; round += 1) {
      const time = Math.min(left, ROUND_MAX_SECONDS);
      left -= time;
      const startedAt = Date.now();
      const name = round === 1 ? caller : `${caller} ${round}`;
      const token = await tokenFor(gateway, roles);
      const target = {
        url: gateway,
        document: DOCUMENT,
        reports: join(stateDir, 'reports'),
        seed: options.seed + round - 1,
      };
      const report = await fuzz(program, target, { caller: name, token, seconds: time });
      print(
        `  ${name}: ${report.cases} cases, ${report.findings.length} findings, ${seconds(Date.now() - startedAt)}`,
      );
      for (const { title, operations } of report.findings) print(`    ${title}: ${operations.join(', ')}`);
      if (report.findings.length > 0) print(`    each with its curl line: ${report.log}`);
      reports.push(report);
    }
  }
  return reports;
}

/** @returns the exit code */
async function run(options: FuzzOptions, onStack: (stack: StackRun) => void): Promise<number> {
  const settings = readSettings({ ...process.env, ...OWN_STACK });
  print('Schemathesis (a Python environment of its own below .local) …');
  const program = await installFuzzer(settings.cacheDir);
  let stack: StackRun | undefined;
  const start = { once: true, demo: false, orders: 0, fresh: true };
  await bringUp(settings, start, { interactive: false, print }, (started) => onStack((stack = started)));
  if (stack === undefined) throw new StartFailure('the stack did not start');
  const before = stack.current();
  await poisonTopic(before.kafka.brokers);
  await runDemo({ stack: before, orders: DEMO_ORDERS });
  print(`\nRequests for ${options.minutes} min, seed ${options.seed}`);
  const reports = await callEverything(program, before.gateway, options);
  const aftermath = await findAftermath(before, stack.current(), settings.stateDir);
  for (const line of aftermath) print(`✘ ${line}`);
  const findings = reports.flatMap((report) => report.findings);
  const serverErrors = findings.filter(({ serverError }) => serverError).length;
  const operations = Math.max(...reports.map((report) => report.operations));
  const cases = reports.reduce((sum, report) => sum + report.cases, 0);
  print(
    `\nAfterwards: ${aftermath.length === 0 ? 'books exact, nothing restarted, no error logged' : 'see above'}`,
  );
  print(
    `${operations} operations, ${cases} cases, ${serverErrors} server errors, ${findings.length - serverErrors} schema violations`,
  );
  return findings.length + aftermath.length === 0 ? 0 : EXIT.failed;
}

async function main(): Promise<void> {
  const options = parseFuzzOptions(process.argv.slice(2));
  if (typeof options === 'number') {
    process.exitCode = options;
    return;
  }
  let stack: StackRun | undefined;
  const stop = async (code: number) => {
    await stack?.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(130));
  try {
    await stop(await run(options, (started) => (stack = started)));
  } catch (error) {
    const expected = error instanceof StartFailure;
    console.error(expected ? error.message : error);
    await stop(expected ? error.exitCode : EXIT.failed);
  }
}

await main();
