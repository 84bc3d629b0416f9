import { StartFailure, EXIT } from '@orderflow/local/failure';
import { kindOf } from './kinds.ts';
import { parseChaosOptions, type ChaosOptions } from './options.ts';
import { planFaults, type PlannedFault } from './plan.ts';
import { allFindings, describeFault, happenedLine, recoveries, summaryLines } from './report.ts';
import { runChaos } from './run.ts';
import { seeded } from './seeded.ts';
import { prepareStack, type ChaosStack } from './stack.ts';
import { verify } from './verify.ts';

/** Orders are spread over this part of the time, so that the last faults still meet some. */
const ORDERING_TIME = 0.9;

let stack: ChaosStack | null = null;

function planLines(plan: readonly PlannedFault[], options: ChaosOptions): string[] {
  const { seed, orders, faults, minutes, only } = options;
  const counts = new Map<string, number>();
  for (const { kind } of plan) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`);
  return [
    `Seed ${seed}: ${plan.length} faults (${kinds.join(', ')}) within ${minutes} min, ${orders} orders.`,
    `Again: npm run test:chaos -- --seed ${seed} --orders ${orders} --faults ${faults} --minutes ${minutes} --only ${only.join(',')}`,
  ];
}

/** @returns the exit code */
async function run(options: ChaosOptions): Promise<number> {
  const print = (line: string) => (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const random = seeded(options.seed);
  const whole = planFaults(options.faults, random, options.only);
  if (options.plan) {
    for (const fault of whole)
      print(`${fault.number} ${describeFault(fault)}${fault.alone ? ', alone' : ''}`);
    return 0;
  }
  stack = await prepareStack(process.env);
  const { chaos } = stack;
  const plan = whole.filter(({ kind }) => kind !== 'disk-full' || chaos.volume !== null);
  for (const line of planLines(plan, options)) print(line);
  if (plan.length < whole.length)
    print(
      `Left out: ${whole.length - plan.length} × disk-full (${kindOf('disk-full').what}): no volume can be mounted here.`,
    );
  print('Starting a stack of its own …');
  await stack.start();
  const startedAt = performance.now();
  const report = (line: string) => print(`${new Date().toISOString().slice(11, 19)} ${line}`);
  const result = await runChaos({
    chaos,
    plan,
    orders: options.orders,
    perSecond: options.orders / (options.minutes * 60 * ORDERING_TIME),
    limitMs: options.minutes * 60_000,
    random,
    report,
    onHappened: (happened, placed) => print(happenedLine(happened, plan.length, placed)),
  });
  report('Waiting for rest, then checking the books, the answers and the dead letters.');
  const findings = await verify(chaos.stack, result.operations);
  if (result.happened.length < plan.length)
    print(`No time for ${plan.length - result.happened.length} faults: more --minutes, or fewer --faults.`);
  for (const line of summaryLines(result, findings, performance.now() - startedAt)) print(line);
  if (options.json) {
    const { operations, happened, placed } = result;
    const requests = operations.length;
    const json = { seed: options.seed, placed, requests, recoveries: recoveries(happened), findings };
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  }
  return allFindings(result, findings).length === 0 ? 0 : EXIT.failed;
}

async function end(code: number): Promise<never> {
  await stack?.stop();
  process.exit(code);
}

const options = parseChaosOptions(process.argv.slice(2));
if (typeof options === 'number') {
  process.exitCode = options;
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(130));
  try {
    await end(await run(options));
  } catch (error) {
    const expected = error instanceof StartFailure;
    console.error(expected ? error.message : error);
    await end(expected ? error.exitCode : EXIT.failed);
  }
}
