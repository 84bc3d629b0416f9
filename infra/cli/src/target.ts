import { createClient, type OrderflowClient } from '@orderflow/client';
import { localToken, type Role } from '@orderflow/client/local-token';
import { readStack, type Stack } from '@orderflow/local/stack-file';
import { CommandFailure, EXIT } from './failure.ts';

export interface TargetOptions {
  /** A stack elsewhere; with a token of its own issuer. */
  readonly gateway?: string | undefined;
  readonly token?: string | undefined;
  readonly brokers?: string | undefined;
  /** Where the local stack's file lies. */
  readonly stateDir: string;
}

/** The stack that a command talks to. */
export interface Target {
  readonly gateway: string;
  /** The local stack, or null when it is elsewhere. */
  readonly local: Stack | null;
  brokers(): readonly string[];
  /** The API as a user sees it. With `--token` it is that token's user, whatever is asked for. */
  client(userId: number, roles?: readonly Role[]): OrderflowClient;
  operator(): OrderflowClient;
}

/** Who acts for the operator of a local stack: the first admin. */
const OPERATOR_ID = 1;
/** A command is for a person who waits; a user's limit of requests a minute may have to pass. */
const RETRY = { limitMs: 70_000 };
/** Whether there is a stack at all is known sooner. */
const TOKEN_RETRY = { limitMs: 10_000 };

/**
 * Finds the stack: `--gateway`, or the local one by its stack file.
 * @throws CommandFailure 69 when none runs, 78 for options that do not fit together
 */
export function findTarget(options: TargetOptions): Target {
  const { gateway: elsewhere, token, brokers } = options;
  const local = elsewhere === undefined ? readStack(options.stateDir) : null;
  const gateway = elsewhere ?? local?.gateway;
  if (gateway === undefined) {
    throw new CommandFailure(
      `No stack runs from ${options.stateDir}: npm start, or --gateway URL`,
      EXIT.unavailable,
    );
  }
  if (elsewhere !== undefined && token === undefined) {
    throw new CommandFailure(
      '--gateway needs a token of that stack: --token or ORDERFLOW_TOKEN',
      EXIT.configuration,
    );
  }
  const client = (userId: number, roles: readonly Role[] = []) =>
    createClient({
      baseUrl: gateway,
      token: token ?? localToken(gateway, userId, roles, { retry: TOKEN_RETRY }),
      retry: RETRY,
    });
  return {
    gateway,
    local,
    brokers() {
      const list = brokers?.split(',') ?? local?.kafka.brokers;
      if (list === undefined) {
        throw new CommandFailure('--brokers HOST:PORT is needed for a stack elsewhere', EXIT.configuration);
      }
      return list;
    },
    client,
    operator: () => client(OPERATOR_ID, ['operator']),
  };
}
