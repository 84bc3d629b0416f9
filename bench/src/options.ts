import { Command, CommanderError, InvalidArgumentError } from 'commander';

export const PARTS = ['arms', 'ablations', 'latency', 'scenarios', 'limits', 'profiles'] as const;
export type Part = (typeof PARTS)[number];

/** What the command line asks for. */
export interface BenchOptions {
  readonly quick: boolean;
  /** Rounds of each arm. */
  readonly rounds: number;
  /** Rounds of each ablation: there are so many that each takes ten minutes. */
  readonly ablationRounds: number;
  /** Names of the only arms and ablations to run; all when empty. */
  readonly arms: readonly string[];
  readonly parts: readonly Part[];
  readonly json: boolean;
}

export type Parsed =
  { readonly kind: 'run'; readonly options: BenchOptions } | { readonly kind: 'exit'; readonly code: number };

const USAGE = 2;
const ROUNDS = 5;

function roundsFrom(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 to 99.');
  return Number(text);
}

function oneOf<Name extends string>(names: readonly Name[]) {
  return (text: string, before: readonly Name[] = []): readonly Name[] => {
    const name = names.find((known) => known === text);
    if (name === undefined) throw new InvalidArgumentError(`It is one of ${names.join(', ')}.`);
    return [...before, name];
  };
}

/** Reads the words after `npm run bench --`; a fault is told on stderr with exit code 2. */
export function parseOptions(words: readonly string[], names: readonly string[]): Parsed {
  const command = new Command('bench')
    .description(
      'Measures Orderflow against the same work done in other ways, on Postgres, Kafka and Redis of its own.',
    )
    .option('--quick', 'ours, monolith-pg and naive, one round: a first look, not a result', false)
    .option('--rounds <n>', `rounds in turn (arms ${ROUNDS}, ablations 1; with --quick 1)`, roundsFrom)
    .option('--arm <name>', 'only this arm or ablation; may be repeated', oneOf(names))
    .option('--part <name>', `only this part (${PARTS.join(', ')}); may be repeated`, oneOf(PARTS))
    .option('--json', 'print the result as JSON when all is done; progress goes to stderr', false)
    .addHelpText(
      'after',
      `\nArms and ablations: ${names.join(', ')}\n\nResults are written to bench/results.`,
    )
    .addHelpText('after', '\nExit code: 0 measured, 1 an arm failed or its books are wrong, 2 usage.')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    const given = command.parse([...words], { from: 'user' }).opts<{
      quick: boolean;
      rounds?: number;
      arm?: readonly string[];
      part?: readonly Part[];
      json: boolean;
    }>();
    const { quick, json, arm: arms = [] } = given;
    const parts = given.part ?? (quick || arms.length > 0 ? ['arms', 'ablations'] : PARTS);
    return {
      kind: 'run',
      options: {
        quick,
        json,
        arms,
        parts,
        rounds: given.rounds ?? (quick ? 1 : ROUNDS),
        ablationRounds: given.rounds ?? 1,
      },
    };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', code: error.exitCode === 0 ? 0 : USAGE };
  }
}
