import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface StartOptions {
  /** End after the demo with its result as exit code. */
  readonly once: boolean;
  readonly demo: boolean;
  /** Orders of the demo. */
  readonly orders: number;
  /** Wipe data before the start. */
  readonly fresh: boolean;
}

/** As commander gives them: a flag that was not given is absent. */
type OptionsGiven = Pick<StartOptions, 'demo' | 'orders'> & Partial<StartOptions>;

const DEFAULT_ORDERS = 200;
const MAX_ORDERS = 100_000;

function parseOrders(text: string): number {
  const orders = Number(text);
  if (/^\d+$/.test(text) && orders >= 1 && orders <= MAX_ORDERS) return orders;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_ORDERS}.`);
}

export type ParsedOptions =
  | { readonly kind: 'start'; readonly options: StartOptions }
  /** Help or a usage error was printed. */
  | { readonly kind: 'exit'; readonly code: 0 | 2 };

/** Parses the words after `npm start --`. */
export function parseOptions(
  words: readonly string[],
  print: { readonly out: (text: string) => void; readonly error: (text: string) => void },
): ParsedOptions {
  const command = new Command('npm start --')
    .description(
      'Starts Postgres, Kafka, Redis, the five services and the gateway, places demo orders, prints a summary.',
    )
    .option(
      '--once',
      'end after the summary; exit code 0 only when every order ended and all books are exact',
      false,
    )
    .option('--no-demo', 'place no demo orders')
    .option('--orders <n>', 'how many demo orders to place', parseOrders, DEFAULT_ORDERS)
    .option('--fresh', 'remove the data of earlier runs first')
    .addHelpText(
      'after',
      [
        '',
        'Environment:',
        '  ORDERFLOW_PORT_OFFSET=100        moves every port',
        '  ORDERFLOW_<PROCESS>_PORT=9000    moves one port, e.g. ORDERFLOW_GATEWAY_PORT',
        '  ORDERFLOW_STATE_DIR=.local/two   keeps data, logs and stack.json elsewhere',
        "  any variable of a service's .env.example, e.g. ORDER_DEADLINE_MS=5000",
      ].join('\n'),
    )
    .exitOverride()
    .configureOutput({ writeOut: print.out, writeErr: print.error });
  try {
    command.parse(words, { from: 'user' });
    const { once = false, fresh = false, ...others } = command.opts<OptionsGiven>();
    return { kind: 'start', options: { once, fresh, ...others } };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode === 0 ? 0 : 2 };
  }
}
