import type { EventContract, ReceivedEvent } from '@orderflow/shared-events/contract';
import { decodeOneOf, encodeMessage, type Message } from '@orderflow/shared-events/envelope';
import { park, type DeadLetterReason, type ParkedMessage } from './dead-letters.ts';
import type { FailAt } from './failpoints.ts';
import type { Outbox, OutboxRow } from './outbox.ts';
import { loadedTransaction, type ConnectionPool, type Tx } from './postgres.ts';
import type { Delivery, Fact, Step } from './step.ts';

/** What one committed batch did. `row` is to be handed to the relay. */
export interface Delivered {
  readonly row: OutboxRow | undefined;
  readonly facts: number;
  readonly refused: readonly ParkedMessage[];
}

/** A step and the rows it works on. */
export interface StepContext {
  readonly step: Step;
  readonly pool: ConnectionPool;
  readonly outbox: Outbox;
  /** Told of the facts of each commit, right after it; not when its answer was lost. Never blocks and never throws. */
  readonly committed?: ((facts: readonly Fact[]) => void) | undefined;
  readonly failAt?: FailAt | undefined;
}

/**
 * Delivers a batch to a step in one transaction: what cannot be read becomes dead letters, the rest is loaded, decided,
 * saved and its messages appended to the outbox. The number of statements does not depend on the batch's size (law iv);
 * delivering it again changes nothing (law i).
 * @throws whatever a statement or `decide` throws; then nothing is left (law iii).
 */
export async function deliver(
  { step, pool, outbox, committed, failAt }: StepContext,
  batch: readonly Delivery[],
): Promise<Delivered> {
  const { events, refused } = decodeBatch(step, batch);
  const { facts, row } = await loadedTransaction(
    pool,
    async (tx) => (events.length > 0 ? step.load(tx, events) : null),
    async (tx, now, state) => {
      if (failAt) await failAt('step.loaded');
      if (refused.length > 0) await park(tx, step.name, refused);
      const applied = applyStep({ step, outbox }, tx, now, events, state);
      if (failAt) await failAt('step.before-commit');
      return applied;
    },
  );
  if (facts.length > 0) committed?.(facts);
  return { facts: facts.length, row, refused };
}

/** Runs a step over events inside a transaction that is already open, on the state it has loaded there. */
export function applyStep(
  { step, outbox }: Pick<StepContext, 'step' | 'outbox'>,
  tx: Tx,
  now: Date,
  events: readonly ReceivedEvent[],
  loaded: unknown,
): { facts: readonly Fact[]; row: OutboxRow | undefined } {
  const contracts = new Map(step.emits.map((contract) => [contract.type, contract]));
  const facts = [];
  const messages: Message[] = [];
  let state = loaded;
  for (const event of events) {
    for (const fact of step.decide(state, event, now)) {
      state = step.evolve(state, fact);
      facts.push(fact);
      const contract = contracts.get(fact.type);
      if (!contract) continue;
      const { data } = fact as typeof fact & Pick<ReceivedEvent, 'data'>;
      messages.push(
        encodeMessage(contract, data, { time: now, causationId: event.id, traceparent: event.traceparent }),
      );
    }
  }
  if (facts.length > 0) step.save(tx, facts);
  const row = messages.length > 0 ? outbox.append(tx, messages) : undefined;
  return { facts, row };
}

/** Splits a batch into the events the step knows and the messages it cannot read, each with its reason. */
export function decodeBatch(
  step: Step,
  batch: readonly Delivery[],
): { events: ReceivedEvent[]; refused: ParkedMessage[] } {
  const versions = new Map<string, EventContract[]>();
  for (const contract of step.on) {
    versions.set(contract.topic, [...(versions.get(contract.topic) ?? []), contract]);
  }
  const events: ReceivedEvent[] = [];
  const refused: ParkedMessage[] = [];
  const refuse = (message: Delivery, reason: DeadLetterReason, error: string) =>
    refused.push({ message, reason, error });
  for (const message of batch) {
    const contracts = versions.get(message.topic);
    if (!contracts) throw new Error(`${step.name} does not read ${message.topic}`);
    if (message.unsupportedCompression !== undefined) {
      refuse(message, 'UNSUPPORTED_COMPRESSION', `codec ${message.unsupportedCompression}`);
      continue;
    }
    const decoded = decodeOneOf(contracts, message);
    if (decoded.ok) events.push(decoded.event);
    else refuse(message, decoded.reason, decoded.error);
  }
  return { events, refused };
}
