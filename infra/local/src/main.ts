import { EXIT, StartFailure } from './failure.ts';
import { seconds } from './messages.ts';
import { watchNpm } from './npm-parent.ts';
import { parseOptions } from './options.ts';
import { readSettings } from './settings.ts';
import type { StackRun } from './stack.ts';
import { bringUp } from './start.ts';

/** npm passes a terminal's Ctrl-C on to a child that has had it already: two within this time are one. */
const SAME_SIGNAL_MS = 500;

/** Narrower than this (a terminal without a size has 0) the live view would wrap every line. */
const MIN_COLUMNS = 40;

const print = (line: string) => process.stdout.write(`${line}\n`);
let run: StackRun | null = null;
let stopRequestedAt: number | null = null;

async function stopAll(): Promise<void> {
  if (run === null) return;
  const startedAt = Date.now();
  print('\nStopping: gateway, services, Kafka and Redis, Postgres. Ctrl-C again kills them.');
  await run.stop();
  print(`Stopped after ${seconds(Date.now() - startedAt)}.`);
}

/** The first signal stops in order, the second kills. */
function onSignal(exitCode: () => number): void {
  const now = Date.now();
  if (stopRequestedAt === null) {
    stopRequestedAt = now;
    void stopAll().then(() => process.exit(exitCode()), fail);
  } else if (now - stopRequestedAt > SAME_SIGNAL_MS) {
    run?.kill();
    process.exit(EXIT.failed);
  }
}

function fail(error: unknown): void {
  const expected = error instanceof StartFailure;
  // What a stop interrupts fails as it should.
  if (expected && stopRequestedAt !== null) return;
  console.error(expected ? error.message : error);
  const code = expected ? error.exitCode : EXIT.failed;
  process.exitCode = code;
  if (stopRequestedAt !== null) return;
  stopRequestedAt = Date.now();
  void stopAll().finally(() => process.exit(code));
}

async function main(): Promise<void> {
  const parsed = parseOptions(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  });
  if (parsed.kind === 'exit') {
    process.exitCode = parsed.code;
    return;
  }
  const settings = readSettings(process.env);
  let up = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => onSignal(() => (up ? 0 : 130)));
  }
  if (process.env['npm_lifecycle_event'] !== undefined) watchNpm(() => onSignal(() => EXIT.failed));
  const { isTTY, columns } = process.stdout;
  const terminal = { interactive: isTTY && columns >= MIN_COLUMNS, print };
  const ok = await bringUp(settings, parsed.options, terminal, (started) => (run = started));
  up = true;
  if (stopRequestedAt !== null) return;
  if (!parsed.options.once) {
    print('\nRunning. Ctrl-C stops everything; data stay for the next start.');
    return;
  }
  stopRequestedAt = Date.now();
  await stopAll();
  process.exit(ok ? 0 : EXIT.failed);
}

// A reader that went away (`npm start | head`) is no reason to stop.
process.stdout.on('error', () => undefined);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
main().catch(fail);
