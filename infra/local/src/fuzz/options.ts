import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { EXIT } from '../failure.ts';

export interface FuzzOptions {
  /** Time for the requests of all callers together. */
  readonly minutes: number;
  /** Repeats a run, as far as the services' answers do. */
  readonly seed: number;
}

const DEFAULT_MINUTES = 6;
const MAX_MINUTES = 120;
const SEEDS = 2 ** 31;

function minutes(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_MINUTES) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_MINUTES}.`);
}

function seed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number below 1,000,000,000.');
}

/** Parses the words after `npm run test:fuzz --`; an exit code when help or a usage error was printed. */
export function parseFuzzOptions(words: readonly string[]): FuzzOptions | number {
  const command = new Command('npm run test:fuzz --')
    .description(
      'Calls every documented operation of a stack of its own with thousands of generated requests (schemathesis).',
    )
    .option('--minutes <n>', 'time for the requests', minutes, DEFAULT_MINUTES)
    .option('--seed <n>', 'repeats a run', seed, Math.floor(Math.random() * SEEDS))
    .addHelpText(
      'after',
      '\nExit code: 0 nothing found, 1 a finding, 2 usage, 69 something needed cannot be started.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  try {
    return command.parse(words, { from: 'user' }).opts<FuzzOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT.usage;
  }
}
