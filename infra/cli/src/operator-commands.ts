import type { Command } from 'commander';
import {
  closeDeadLetters,
  listDeadLetters,
  REASONS,
  SERVICES,
  showDeadLetter,
  type Filter,
  type Service,
} from './commands/dead-letters.ts';
import { resumeStep } from './commands/health.ts';
import { listStuck, nudge, showSaga } from './commands/saga.ts';
import { acting, type GlobalOptions, type Runtime } from './runtime.ts';
import { id, ids, oneOf, wholeNumber } from './words.ts';

/** What operators do: `saga`, `dead-letters`, `steps`. */
export function addOperatorCommands(program: Command, runtime: Runtime): void {
  addSagaCommands(program, runtime);
  const letters = program.command('dead-letters').description('messages that no step could take');
  addLooks(letters, runtime);
  addCloses(letters, runtime);
  program
    .command('steps')
    .description('the consumers')
    .command('resume')
    .description('let a step go on that a flood of faults has paused')
    .argument('<step>', 'for instance coupon.apply')
    .addHelpText('after', '\nExample:\n  orderflow steps resume coupon.apply')
    .action(
      acting<GlobalOptions, [string]>(runtime, ({ target, screen }, step) =>
        resumeStep(target, step, screen),
      ),
    );
}

function addSagaCommands(program: Command, runtime: Runtime): void {
  const saga = program.command('saga').description('where orders are, and what holds them up');
  saga
    .command('status')
    .description('orders by status and reason, rates and ages')
    .addHelpText('after', '\nExample:\n  orderflow saga status')
    .action(acting<GlobalOptions, []>(runtime, ({ target, screen }) => showSaga(target, screen)));
  saga
    .command('stuck')
    .description('orders that wait for answers too long; exit code 1 when there are some')
    .addHelpText('after', '\nExample:\n  orderflow saga stuck')
    .action(acting<GlobalOptions, []>(runtime, ({ target, screen }) => listStuck(target, screen)));
  saga
    .command('nudge')
    .description('ask those who have not answered once more')
    .argument('[id]', 'an order', id)
    .option('--all', 'every stuck order', false)
    .addHelpText('after', '\nExamples:\n  orderflow saga nudge 7\n  orderflow saga nudge --all')
    .action(
      acting<GlobalOptions & { all: boolean }, [number | undefined]>(
        runtime,
        ({ target, screen, options }, order) => nudge(target, { id: order, all: options.all }, screen),
      ),
    );
}

function addFilter(command: Command): Command {
  return command
    .option('--step <step>', 'of this step')
    .option('--topic <topic>', 'from this topic')
    .option('--reason <reason>', `for this reason: ${REASONS.join(', ')}`, oneOf(REASONS));
}

function addLooks(letters: Command, runtime: Runtime): void {
  addFilter(letters.command('list'))
    .description('open ones, newest first')
    .option('--service <service>', 'of this service', oneOf(SERVICES))
    .option('--all', 'closed ones too', false)
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 50)
    .addHelpText('after', '\nExample:\n  orderflow dead-letters list --service coupon --reason SCHEMA')
    .action(
      acting<GlobalOptions & Filter & { service?: Service; all: boolean; limit: number }, []>(
        runtime,
        ({ target, screen, options: { service, step, topic, reason, all, limit } }) =>
          listDeadLetters(target, { service, step, topic, reason, all, limit }, screen),
      ),
    );
  letters
    .command('show')
    .description('one with its headers and its value')
    .argument('<service>', SERVICES.join(', '), oneOf(SERVICES))
    .argument('<id>', 'the dead letter', id)
    .addHelpText('after', '\nExample:\n  orderflow dead-letters show coupon 12')
    .action(
      acting<GlobalOptions, [Service, number]>(runtime, ({ target, screen }, service, letter) =>
        showDeadLetter(target, service, letter, screen),
      ),
    );
}

type Closing = GlobalOptions & Filter & { dryRun: boolean; note: string; rate?: number; yes: boolean };

function addCloses(letters: Command, runtime: Runtime): void {
  for (const action of ['replay', 'discard'] as const) {
    const command = addFilter(letters.command(action))
      .description(
        action === 'replay'
          ? 'run the step on them once more and close them'
          : 'close them without running anything',
      )
      .argument('<service>', SERVICES.join(', '), oneOf(SERVICES))
      .argument('[ids...]', 'dead letters, or choose by --step, --topic, --reason', ids)
      .requiredOption('--note <text>', 'why: kept with each and in the record of actions')
      .option('--dry-run', 'say what would happen and change nothing', false)
      .option('-y, --yes', 'do not ask', false);
    if (action === 'replay') command.option('--rate <n>', 'at most so many a second', wholeNumber(1, 1_000));
    command
      .addHelpText(
        'after',
        `\nExamples:\n  orderflow dead-letters ${action} coupon 12 13 --note 'fixed in 1.4.2'\n  orderflow dead-letters ${action} coupon --step coupon.apply --note 'fixed in 1.4.2' --dry-run\n\nExit code 1: some were refused.`,
      )
      .action(
        acting<Closing, [Service, readonly number[] | undefined]>(
          runtime,
          (
            { target, screen, options: { step, topic, reason, dryRun, note, rate, yes } },
            service,
            chosen = [],
          ) =>
            closeDeadLetters(
              target,
              action,
              { service, ids: chosen, step, topic, reason, dryRun, note, rate, yes },
              screen,
            ),
        ),
      );
  }
}
