import type { Command } from 'commander';
import type { Screen } from './screen.ts';
import type { Target } from './target.ts';

/** The options of every command. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly gateway?: string;
  readonly token?: string;
  readonly brokers?: string;
  readonly debug?: boolean;
}

/** What a command is given when it runs. */
export interface Runtime {
  readonly screen: (options: GlobalOptions) => Screen;
  /** @throws CommandFailure when no stack is found */
  readonly target: (options: GlobalOptions) => Target;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Takes the exit code of the command that ran. */
  readonly done: (code: number) => void;
}

/** Adds an action that is given where to write and the stack to talk to. */
export function acting<Options extends GlobalOptions, Arguments extends readonly unknown[]>(
  runtime: Runtime,
  run: (given: { target: Target; screen: Screen; options: Options }, ...words: Arguments) => Promise<number>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<Options>();
    const words = given.slice(0, -2) as unknown as Arguments;
    runtime.done(
      await run({ target: runtime.target(options), screen: runtime.screen(options), options }, ...words),
    );
  };
}
