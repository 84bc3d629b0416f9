import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { EXIT } from '../failure.ts';
import { readSettings } from '../settings.ts';
import { readStack, type Stack } from '../stack-file.ts';
import { reconciliationLines, toJson } from './print.ts';
import { reconcile, type Reconciliation } from './reconcile.ts';

interface Options {
  readonly wait: number;
  readonly deadLetters?: number;
  readonly json: boolean;
}

const wholeNumber = (of: string) => (text: string) => {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`It is a whole number of ${of}.`);
  return Number(text);
};

function parse(argv: readonly string[]): Options {
  const command = new Command('reconcile')
    .description('Checks the books across the five databases and the topics of the running stack.')
    .option('--wait <seconds>', 'how long to wait until the stack is at rest', wholeNumber('seconds'), 60)
    .option('--dead-letters <count>', 'check that exactly so many are open (I11)', wholeNumber('messages'))
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      '\nExit code: 0 all invariants hold, 1 a violation, 2 usage, 69 the stack is unreachable or not at rest.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  return command.parse(argv, { from: 'user' }).opts<Options>();
}

function exitCodeOf(result: Reconciliation): number {
  if (result.kind === 'not-at-rest') return EXIT.unavailable;
  return result.ok ? 0 : EXIT.failed;
}

async function run(stack: Stack, { wait, deadLetters, json }: Options): Promise<number> {
  try {
    const result = await reconcile({ ...stack, waitMs: wait * 1000, deadLetters });
    console.log(json ? toJson(result, 2) : reconciliationLines(result).join('\n'));
    return exitCodeOf(result);
  } catch (error) {
    console.error(`The stack cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.unavailable;
  }
}

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parse(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT.usage;
  }
  const { stateDir } = readSettings(process.env);
  const stack = readStack(stateDir);
  if (stack === null) {
    console.error(`No stack runs from ${stateDir}: start one with npm start.`);
    return EXIT.unavailable;
  }
  return run(stack, options);
}

process.exitCode = await main(process.argv.slice(2));
