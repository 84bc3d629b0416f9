import type { EventContract, EventOf } from '@orderflow/shared-events/contract';
import type { RawMessage } from '@orderflow/shared-events/envelope';
import type { Tx } from './postgres.ts';

/** A message as it came from a partition. `unsupportedCompression`: its bytes could not be unpacked. */
export interface Delivery extends RawMessage {
  readonly topic: string;
  readonly partition: number;
  /** A decimal string: offsets may pass 2^53. */
  readonly offset: string;
  readonly unsupportedCompression?: string;
}

/** What `decide` says of an event. Facts whose type is in `emits` carry the event's data and are published. */
export interface Fact {
  readonly type: string;
}

/**
 * One step of the saga: a consumer group with a state machine over its own row per order.
 * The kit runs it over a batch: load, fold decide and evolve over the events, save, append the outbox row, commit.
 */
export interface Step<
  On extends EventContract = EventContract,
  Emits extends EventContract = EventContract,
  State = unknown,
  Decided extends Fact = Fact,
> {
  /** Consumer group, span, metric label and log field. Renaming it replays all retained history. */
  readonly name: string;
  /** What it reads. Of one type it may name several versions: `decide` tells them apart by `event.version`. */
  readonly on: readonly On[];
  /** What it publishes, each type in one version. */
  readonly emits: readonly Emits[];
  /** The step that compensates this one. */
  readonly undoneBy?: string;
  /** Primary-key constraints of the fence tables it inserts into: a violation is a lost race (rule R1), not a fault. */
  readonly fences: readonly string[];
  /** Locks and reads what the events need, one sorted statement per table, all in one round trip where they can be. */
  load(tx: Tx, events: readonly EventOf<On>[]): Promise<State>;
  /** Pure and total: early, late and duplicate events give no facts. Only faults throw. `now`: the database's clock. */
  decide(state: State, event: EventOf<On>, now: Date): readonly Decided[];
  /** The state the batch's next event sees. The state is the batch's own: it may be changed in place (a copy per event
   * would make a batch quadratic). */
  evolve(state: State, fact: Decided): State;
  /**
   * Writes all facts, one set-based statement per table: rows by their last state, counters by sum, ledgers in full.
   * They travel with the COMMIT (`tx.send`).
   */
  save(tx: Tx, facts: readonly Decided[]): void;
}

/** Declares a step: its types are inferred from `on`, `emits` and the pure functions. */
export function defineStep<
  On extends EventContract,
  Emits extends EventContract,
  State,
  Decided extends Fact,
>(step: Step<On, Emits, State, Decided>): Step<On, Emits, State, Decided> {
  return step;
}

/** The topics that a step reads, each once. */
export function topicsOf({ on }: Step): string[] {
  return [...new Set(on.map(({ topic }) => topic))];
}
