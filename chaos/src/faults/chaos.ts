import type { LauncherSettings } from '@orderflow/local/settings';
import type { RunningStack } from '@orderflow/testing/running-stack';
import type { TcpProxy } from '@orderflow/testing/tcp-proxy';
import type { PlannedFault } from '../plan.ts';
import type { Seeded } from '../seeded.ts';

/** A volume of its own for the files of Postgres, so that a full disk is nobody else's. */
export interface PostgresVolume {
  /** Takes every byte that is left. @returns how many */
  fill(): number;
  /** Gives them back. */
  free(): void;
}

/** The stack that faults strike, and the ways to strike it. */
export interface Chaos {
  readonly stack: RunningStack;
  readonly settings: LauncherSettings;
  /** What stands between the services and each backend; nothing in a stack that is struck at its processes alone. */
  readonly ways: Readonly<Partial<Record<'kafka' | 'postgres', TcpProxy>>>;
  /** Null where this machine lets nobody mount one: a full disk is left out then. */
  readonly volume: PostgresVolume | null;
}

/**
 * A fault as it happens: resolves when it is over, not when the stack has recovered, and tells what it did, as it was
 * seen (`14 connections`). One that struck nothing rejects: it does not count.
 */
export type Strike = (chaos: Chaos, fault: PlannedFault, random: Seeded) => Promise<string>;
