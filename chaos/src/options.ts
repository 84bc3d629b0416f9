import { EXIT } from '@orderflow/local/failure';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { FAULT_KINDS, type FaultName } from './kinds.ts';

export interface ChaosOptions {
  /** At least so many orders. */
  readonly orders: number;
  readonly faults: number;
  /** No fault begins later. */
  readonly minutes: number;
  readonly seed: number;
  readonly only: readonly FaultName[];
  /** Print the plan and end. */
  readonly plan: boolean;
  readonly json: boolean;
}

const SEEDS = 10 ** 9;
const NAMES = FAULT_KINDS.map(({ name }) => name);

function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function kinds(text: string): FaultName[] {
  const names = text.split(',');
  const unknown = names.filter((name) => !NAMES.includes(name as FaultName));
  if (unknown.length === 0) return names as FaultName[];
  throw new InvalidArgumentError(`There is no ${unknown.join(', ')}; there are ${NAMES.join(', ')}.`);
}

/** Parses the words after `npm run test:chaos --`; an exit code when help or a usage error was printed. */
export function parseChaosOptions(words: readonly string[]): ChaosOptions | number {
  const command = new Command('npm run test:chaos --')
    .description(
      'Places orders in a stack of its own while processes are killed and frozen, connections cut, messages doubled and poisoned; then checks that nothing was lost.',
    )
    .option('--orders <n>', 'at least so many orders', whole(1, 1_000_000), 30_000)
    .option('--faults <n>', 'how many faults', whole(0, 20_000), 510)
    .option('--minutes <n>', 'no fault begins later than this', whole(1, 2_000), 50)
    .option('--seed <n>', 'repeats a plan', whole(0, SEEDS), Math.floor(Math.random() * SEEDS))
    .option('--only <kinds>', `only these faults: ${NAMES.join(',')}`, kinds, NAMES)
    .option('--plan', 'print the plan and end', false)
    .option('--json', 'print the result as JSON, the progress to stderr', false)
    .addHelpText(
      'after',
      '\nA seed repeats the plan of faults and what each of them chooses; what clients ask for follows it as far as their answers do.' +
        '\nExit code: 0 nothing was lost and orders always flowed again, 1 otherwise, 2 usage, 69 something needed cannot be started.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  try {
    return command.parse(words, { from: 'user' }).opts<ChaosOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT.usage;
  }
}
