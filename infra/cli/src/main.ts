import { CommanderError } from 'commander';
import { readSettings } from '@orderflow/local/settings';
import { describeFailure, EXIT } from './failure.ts';
import { createProgram } from './program.ts';
import type { GlobalOptions } from './runtime.ts';
import { findTarget } from './target.ts';

const interrupted = new AbortController();
const write = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text);

// A reader that went away (`orderflow topics tail … | head`) ends the command, quietly.
process.stdout.on('error', () => process.exit(EXIT.ok));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted.abort();
    process.exitCode = EXIT.interrupted;
    // What does not end by itself by then is cut.
    setTimeout(() => process.exit(EXIT.interrupted), 2_000).unref();
  });
}

const program = createProgram(
  {
    screen: ({ json = false }) => ({
      json,
      interactive: process.stdin.isTTY && process.stderr.isTTY,
      out: (text) => void process.stdout.write(`${text}\n`),
      note: (text) => void process.stderr.write(`${text}\n`),
    }),
    target: ({ gateway, token, brokers }) =>
      findTarget({ gateway, token, brokers, stateDir: readSettings(process.env).stateDir }),
    signal: interrupted.signal,
    done: (code) => {
      if (process.exitCode === undefined) process.exitCode = code;
    },
  },
  { out: write(process.stdout), error: write(process.stderr) },
);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (!interrupted.signal.aborted) {
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`${message}\n`);
    if (program.opts<GlobalOptions>().debug === true) console.error(error);
    process.exitCode = exitCode;
  }
}
