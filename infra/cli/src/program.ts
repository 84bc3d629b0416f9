import { Command, Option } from 'commander';
import { addOperatorCommands } from './operator-commands.ts';
import { addOrderCommands } from './order-commands.ts';
import { addReadingCommands } from './reading-commands.ts';
import { bashCompletion } from './completion.ts';
import type { Runtime } from './runtime.ts';

const EXIT_CODES = [
  '',
  'Exit codes: 0 done, 1 a difference or a failure, 2 wrong usage, 69 the stack cannot be reached or is not at rest,',
  '78 configuration, 130 interrupted.',
  '',
  'The local stack is found by .local/stack.json (ORDERFLOW_STATE_DIR moves it).',
].join('\n');

/** All commands. */
export function createProgram(
  runtime: Runtime,
  print: { out: (text: string) => void; error: (text: string) => void },
) {
  const program = new Command('orderflow')
    .description('Orders, topics, dead letters, books and health of an Orderflow stack.')
    .option('--json', 'print JSON: one document, or one a line from commands that go on')
    .option('--gateway <url>', 'a stack elsewhere, with --token')
    .addOption(new Option('--token <token>', 'access token for --gateway').env('ORDERFLOW_TOKEN'))
    .option('--brokers <list>', "Kafka's addresses, of a stack elsewhere")
    .option('--debug', 'show where an error comes from')
    .addHelpText('after', EXIT_CODES)
    .configureOutput({ writeOut: print.out, writeErr: print.error })
    .showSuggestionAfterError()
    .exitOverride();
  addOrderCommands(program, runtime);
  addReadingCommands(program, runtime);
  addOperatorCommands(program, runtime);
  program
    .command('completion')
    .description('print the completion of a shell')
    .argument('<shell>', 'bash')
    .addHelpText('after', '\nExample:\n  source <(npx orderflow completion bash)')
    .action((shell: string) => {
      if (shell !== 'bash')
        program.error(`error: completion is there for bash, not for ${shell}`, { exitCode: 2 });
      print.out(`${bashCompletion(program)}\n`);
    });
  for (const command of program.commands) strict(command);
  return program;
}

function strict(command: Command): void {
  command.allowExcessArguments(false).copyInheritedSettings(command.parent ?? command);
  for (const sub of command.commands) strict(sub);
}
