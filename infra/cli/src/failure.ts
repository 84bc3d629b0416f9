import { isApiProblem, isUnreachable } from '@orderflow/client/errors';

/** sysexits' EX_UNAVAILABLE and EX_CONFIG, besides 1 for a difference or a failure and 2 for a wrong call. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unavailable: 69,
  configuration: 78,
  interrupted: 130,
} as const;

/** An end with a message for a person: what is wrong and what to do. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** What a person is told of an error, and the exit code. Nothing of a stack trace: `--debug` shows that. */
export function describeFailure(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommandFailure) return { message: error.message, exitCode: error.exitCode };
  if (isApiProblem(error)) {
    const request = error.requestId === null ? '' : ` (request ${error.requestId})`;
    const fields = error.errors.map(({ path, message }) => `\n  ${path}: ${message}`).join('');
    const exitCode = error.status === 503 ? EXIT.unavailable : EXIT.failed;
    return { message: `${error.code}: ${error.detail}${request}${fields}`, exitCode };
  }
  if (isUnreachable(error)) {
    return {
      message: `${error.message}\nIs the stack up? npm start; then: orderflow doctor`,
      exitCode: EXIT.unavailable,
    };
  }
  return { message: error instanceof Error ? error.message : String(error), exitCode: EXIT.failed };
}
