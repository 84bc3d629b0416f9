import { InvalidArgumentError, type Command } from 'commander';
import { examine } from './commands/doctor.ts';
import { exportSchemas } from './commands/export-schemas.ts';
import { showLag, showOutbox } from './commands/health.ts';
import { reconcileBooks } from './commands/reconcile-books.ts';
import { tailTopic, type TailOptions } from './commands/tail-topic.ts';
import { acting, type GlobalOptions, type Runtime } from './runtime.ts';
import { duration, wholeNumber } from './words.ts';

function from(text: string): number | 'beginning' {
  if (text === 'beginning') return text;
  try {
    return duration(text);
  } catch {
    throw new InvalidArgumentError("It must be 'beginning' or a time like 30s, 10m, 2h or 1d.");
  }
}

/** What only looks: `topics tail`, `schemas export`, `outbox status`, `lag`, `reconcile`, `doctor`. */
export function addReadingCommands(program: Command, runtime: Runtime): void {
  addTopicCommands(program, runtime);
  program
    .command('outbox')
    .description('what services have committed and not published yet')
    .command('status')
    .description('unpublished commits by service')
    .addHelpText('after', '\nExample:\n  orderflow outbox status')
    .action(acting<GlobalOptions, []>(runtime, ({ target, screen }) => showOutbox(target, screen)));
  program
    .command('lag')
    .description('how far each step is behind')
    .option('--partitions', 'a line each partition', false)
    .option('--watch', 'again every two seconds', false)
    .addHelpText('after', '\nExample:\n  orderflow lag --watch')
    .action(
      acting<GlobalOptions & { partitions: boolean; watch: boolean }, []>(
        runtime,
        ({ target, screen, options }) => showLag(target, options, screen, runtime.signal),
      ),
    );
  program
    .command('reconcile')
    .description('check the books of the five services against each other')
    .option('--wait <seconds>', 'how long to wait until the stack is at rest', wholeNumber(0, 999_999), 60)
    .addHelpText('after', '\nExample:\n  orderflow reconcile --json')
    .action(
      acting<GlobalOptions & { wait: number }, []>(runtime, ({ target, screen, options }) =>
        reconcileBooks(target, options.wait, screen),
      ),
    );
  program
    .command('doctor')
    .description('look at everything a stack needs, and say what to do')
    .addHelpText('after', '\nExample:\n  orderflow doctor')
    .action(acting<GlobalOptions, []>(runtime, ({ target, screen }) => examine(target, screen)));
}

function addTopicCommands(program: Command, runtime: Runtime): void {
  program
    .command('topics')
    .description('the events')
    .command('tail')
    .description('print messages as they come')
    .argument('<topic>', 'for instance order-paid')
    .option(
      '--from <time>',
      "begin so far back (10m), or at the 'beginning'; with what comes now by default",
      from,
    )
    .option('--validate', 'say of each whether it keeps its contract; exit code 1 when one does not', false)
    .option('-n, --count <n>', 'end after so many', wholeNumber(1, 1_000_000_000))
    .option('--no-follow', 'end at what is there now')
    .addHelpText(
      'after',
      '\nExamples:\n  orderflow topics tail order-paid\n  orderflow topics tail order-cancelled --from 10m --no-follow --validate --json',
    )
    .action(
      acting<TailOptions & GlobalOptions, [string]>(runtime, ({ target, screen, options }, topic) =>
        tailTopic(target, topic, options, screen, runtime.signal),
      ),
    );
  program
    .command('schemas')
    .description('the contracts')
    .command('export')
    .description('write the JSON Schema of every event, and the OpenAPI document')
    .argument('<directory>', 'made when it is missing')
    .addHelpText('after', '\nExample:\n  orderflow schemas export ./schemas')
    .action(async (directory: string, _options: unknown, command: Command) => {
      runtime.done(await exportSchemas(directory, runtime.screen(command.optsWithGlobals<GlobalOptions>())));
    });
}
