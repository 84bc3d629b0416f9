import { InvalidArgumentError, type Command } from 'commander';
import type { OrderStatus } from '@orderflow/client/api-types';
import { listOrders } from './commands/list-orders.ts';
import { placeOrders, type PlaceOptions } from './commands/place-orders.ts';
import { showOrder } from './commands/show-order.ts';
import { acting, type GlobalOptions, type Runtime } from './runtime.ts';
import { id, oneOf, wholeNumber } from './words.ts';

const STATUSES = [
  'CREATED',
  'STOCK_RESERVED',
  'COUPON_APPLIED',
  'BALANCE_CHARGED',
  'PAID',
  'CANCELLING',
  'CANCELLED',
] as const satisfies readonly OrderStatus[];

type Item = NonNullable<PlaceOptions['item']>[number];

/** `7:2`: two pieces of product 7; `7` is one. */
function item(text: string, before: readonly Item[] = []): readonly Item[] {
  const [product = '', quantity = '1', ...more] = text.split(':');
  if (more.length > 0) throw new InvalidArgumentError('It must be PRODUCT or PRODUCT:QUANTITY.');
  return [...before, { productId: id(product), quantity: wholeNumber(1, 1_000)(quantity) }];
}

/** `order place|show|list` */
export function addOrderCommands(program: Command, runtime: Runtime): void {
  const order = program.command('order').description('place orders and look at them');
  order
    .command('place')
    .description('place orders')
    .option('-n, --count <n>', 'how many', wholeNumber(1, 100_000), 1)
    .option('--rate <n>', 'orders a second', wholeNumber(1, 10_000))
    .option(
      '--item <product:quantity>',
      'what to order, repeatable; products on sale in turn by default',
      item,
    )
    .option('--coupon <id>', 'a coupon of the user', id)
    .option('--user <id>', 'who orders; on a local stack a new user with money by default', id)
    .option('--watch', 'follow each order to its end, a line each with the time of every stage', false)
    .addHelpText(
      'after',
      '\nExamples:\n  orderflow order place -n 50 --watch\n  orderflow order place --user 7 --item 3:2 --item 4 --json\n\nExit code 0: all were accepted, and with --watch all ended, PAID or CANCELLED.',
    )
    .action(
      acting<PlaceOptions & GlobalOptions, []>(runtime, ({ target, screen, options }) =>
        placeOrders(target, options, screen, runtime.signal),
      ),
    );
  order
    .command('show')
    .description('an order and its timeline')
    .argument('<id>', 'the order', id)
    .addHelpText('after', '\nExample:\n  orderflow order show 7')
    .action(
      acting<GlobalOptions, [number]>(runtime, ({ target, screen }, order) =>
        showOrder(target, order, screen),
      ),
    );
  order
    .command('list')
    .description("a user's orders, newest first")
    .option('--status <status>', `one of ${STATUSES.join(', ')}`, oneOf(STATUSES))
    .option('--user <id>', 'whose, on a local stack', id)
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1_000_000), 20)
    .option('--all', 'all of them', false)
    .addHelpText('after', '\nExample:\n  orderflow order list --user 7 --status CANCELLED')
    .action(
      acting<GlobalOptions & { status?: OrderStatus; user?: number; limit: number; all: boolean }, []>(
        runtime,
        ({ target, screen, options: { all, limit, ...rest } }) =>
          listOrders(target, { ...rest, limit: all ? null : limit }, screen),
      ),
    );
}
