/** Exit codes of the command line: sysexits' EX_UNAVAILABLE and EX_CONFIG, besides 1 for a fault of our own. */
export const EXIT = { failed: 1, usage: 2, unavailable: 69, configuration: 78 } as const;

/** A start that cannot go on. Its message is for a person and says what to do; no stack trace is shown. */
export class StartFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.unavailable) {
    super(message);
    this.name = 'StartFailure';
    this.exitCode = exitCode;
  }
}
