import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Exit codes of the command line, as the launcher's. */
export const EXIT = { failed: 1, usage: 2, unavailable: 69 };

/** Ends with a message for a person: what is wrong and the line that mends it. */
export class BootstrapFailure extends Error {
  constructor(message, exitCode = EXIT.unavailable) {
    super(message);
    this.exitCode = exitCode;
  }
}

function tailOf(path, lines) {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Runs a command to its end, output into a log, and shows one line before and one after. A signal that reaches this
 * process is passed on, so that nothing goes on behind it.
 */
export async function runStep({ title, command, args, log, cwd, env = {} }) {
  const startedAt = Date.now();
  console.error(`▸ ${title} …`);
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const passOn = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, passOn);
  const end = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
  for (const signal of signals) process.off(signal, passOn);
  if (end !== null) {
    throw new BootstrapFailure(
      `${title} failed (${end}). The end of ${log}:\n${tailOf(log, 25)}`,
      EXIT.failed,
    );
  }
  console.error(`✔ ${title} ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}
