import { deepStrictEqual } from 'node:assert/strict';
import type { MessageFaultCode } from '@orderflow/shared-events/fault';
import fc from 'fast-check';
import type { TestDelivery } from './events.ts';
import { failAfter, killAfter, loseCommit, stallAfter } from './law-crashes.ts';
import { exactOutcome, lastingOutcome, reset, type LawSubject } from './law-subject.ts';
import { statementsOf } from './watched-pool.ts';

/** A step broke a law. The message says which, how, and with which batch. */
export class LawBroken extends Error {
  readonly law: LawName;

  constructor(law: LawName, step: string, how: string, cause?: unknown) {
    super(`${step} breaks law ${law}: ${how}`, { cause });
    this.name = 'LawBroken';
    this.law = law;
  }
}

export type LawName = 'i' | 'ii' | 'iii' | 'iv';

/** How the random batches are made: the same seed makes the same ones. */
export interface LawRun {
  readonly seed: number;
  readonly numRuns?: number;
}

type Batch = readonly TestDelivery[];

/** Cuts as shares of a length, so that they shrink and fit any batch. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 });
const windows = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 });

/**
 * Law i: delivering again what was delivered, whole or any window of it, at any time, changes no row and sends nothing.
 * @throws LawBroken
 */
export async function checkReplay(subject: LawSubject, run: LawRun): Promise<void> {
  const property = fc.asyncProperty(
    subject.batches,
    cuts,
    windows,
    soonShrunk(async (batch, shares, spans) => {
      await reset(subject);
      let delivered = 0;
      for (const part of split(batch, shares)) {
        await settle(subject, part);
        delivered += part.length;
        for (const [from, length] of spans) {
          const start = from % delivered;
          await expectNoChange(subject, batch.slice(start, Math.min(delivered, start + 1 + (length % 12))));
        }
      }
      await expectNoChange(subject, batch);
    }),
  );
  await assertLaw('i', subject, property, { numRuns: 25, ...run });
}

async function expectNoChange(subject: LawSubject, again: Batch): Promise<void> {
  const before = await exactOutcome(subject);
  await settle(subject, again);
  deepStrictEqual(
    await exactOutcome(subject),
    before,
    `delivering ${describe(again)} again changed something`,
  );
}

/**
 * Law ii: any split of a batch that keeps its order leaves the same rows (generated ids, write times and the outbox's
 * grouping aside) and sends the same messages.
 * @throws LawBroken
 */
export async function checkSplit(subject: LawSubject, run: LawRun): Promise<void> {
  await reset(subject);
  const untouched = (await lastingOutcome(subject, 0)).rows.length;
  let effects = 0;
  const property = fc.asyncProperty(
    subject.batches,
    cuts,
    soonShrunk(async (batch, shares) => {
      const startedAt = Date.now();
      await reset(subject);
      const parkedWhole = await settle(subject, batch);
      const whole = await lastingOutcome(subject, startedAt);
      if (whole.rows.length > untouched || whole.sent.length > 0) effects += 1;
      for (const parts of [split(batch, shares), batch.map((delivery) => [delivery])]) {
        await reset(subject);
        const parked: string[] = [];
        for (const part of parts) parked.push(...(await settle(subject, part)));
        const outcome = await lastingOutcome(subject, startedAt);
        const sizes = parts.map((part) => part.length).join(' + ');
        deepStrictEqual(outcome, whole, `split ${sizes} ends otherwise than ${describe(batch)} at once`);
        deepStrictEqual(
          parked,
          parkedWhole,
          `split ${sizes} parks otherwise than ${describe(batch)} at once`,
        );
      }
    }),
  );
  await assertLaw('ii', subject, property, { numRuns: 25, ...run });
  // The laws hold for a step that does nothing, too.
  if (effects === 0) throw new Error(`no batch of ${subject.name} had an effect: its seed does not fit`);
}

/**
 * Law iii: a crash after any statement before COMMIT leaves nothing, whether the step's process or its connection
 * ends; after a COMMIT whose answer was lost, running the batch again is harmless; and a process that stands still after
 * any statement, while another one takes the batch over, does nothing twice when it goes on.
 * @throws LawBroken
 */
export async function checkCrash(subject: LawSubject, run: LawRun): Promise<void> {
  const property = fc.asyncProperty(
    subject.batches,
    soonShrunk(async (batch) => {
      const startedAt = Date.now();
      await reset(subject);
      const statements = await settleAtOnce(subject, batch);
      fc.pre(statements !== null);
      const done = await lastingOutcome(subject, startedAt);
      await reset(subject);
      const nothing = await exactOutcome(subject);
      for (let last = 1; last < (statements ?? []).length; last += 1) {
        for (const crash of [failAfter, killAfter]) {
          const where = `${crash === failAfter ? 'an error' : 'a lost connection'} after statement ${last} of ${describe(batch)}`;
          await expectRejection(crash(subject, batch, last), where);
          deepStrictEqual(await exactOutcome(subject), nothing, `${where} left something`);
        }
      }
      const lost = `a lost answer to the COMMIT of ${describe(batch)}`;
      await expectRejection(loseCommit(subject, batch), lost);
      deepStrictEqual(await lastingOutcome(subject, startedAt), done, `${lost} did not commit`);
      await subject.deliver(subject.pool, batch);
      deepStrictEqual(
        await lastingOutcome(subject, startedAt),
        done,
        `${lost}, and running again, did something twice`,
      );
      for (let last = 1; last <= (statements ?? []).length; last += 1) {
        await reset(subject);
        await stallAfter(subject, batch, last);
        const where = `a stall after statement ${last} of ${describe(batch)}`;
        deepStrictEqual(await lastingOutcome(subject, startedAt), done, `${where} ended otherwise`);
      }
    }),
  );
  await assertLaw('iii', subject, property, { numRuns: 6, ...run });
}

/**
 * Law iv: the number of statements does not grow with the batch: no statement is sent twice in a transaction, and 1,
 * 10 and 200 events of one kind need the same ones.
 * @throws LawBroken
 */
export async function checkStatements(subject: LawSubject, run: LawRun): Promise<void> {
  const property = fc.asyncProperty(
    subject.batches,
    soonShrunk(async (batch) => {
      await reset(subject);
      const statements = await settleAtOnce(subject, batch);
      fc.pre(statements !== null);
      const repeated = (statements ?? []).filter((text, index, all) => all.indexOf(text) !== index);
      deepStrictEqual(repeated, [], `statements sent more than once for ${describe(batch)}`);
    }),
  );
  await assertLaw('iv', subject, property, { numRuns: 25, ...run });
  const counted: string[][] = [];
  for (const size of [1, 10, 200]) {
    await reset(subject);
    await subject.seedMany?.(subject.owner);
    const before = await exactOutcome(subject);
    counted.push(await statementsOf(subject.pool, (pool) => subject.deliver(pool, subject.effective(size))));
    const after = await exactOutcome(subject);
    const changed = after.rows.filter((row) => !before.rows.includes(row)).length;
    if (changed < size) throw new Error(`effective(${size}) of ${subject.name} wrote ${changed} rows only`);
  }
  const [one, ten, many] = counted;
  try {
    deepStrictEqual(ten, one, '10 events need other statements than 1');
    deepStrictEqual(many, one, '200 events need other statements than 1');
  } catch (error) {
    throw new LawBroken('iv', subject.name, messageOf(error) ?? '', error);
  }
}

/** Delivers as the kit does: a batch that fails by a message's fault is halved until that message is alone, and parked. */
async function settle(subject: LawSubject, batch: Batch): Promise<string[]> {
  if (batch.length === 0) return [];
  try {
    await subject.deliver(subject.pool, batch);
    return [];
  } catch (error) {
    if (!isMessageFault(error)) throw error;
    if (batch.length === 1) return batch.map(({ topic, offset }) => `${topic}@${offset}`);
    const half = Math.ceil(batch.length / 2);
    return [...(await settle(subject, batch.slice(0, half))), ...(await settle(subject, batch.slice(half)))];
  }
}

/** The statements of a batch that settles in one transaction; null for one that holds a message to be parked. */
async function settleAtOnce(subject: LawSubject, batch: Batch): Promise<string[] | null> {
  try {
    return await statementsOf(subject.pool, (pool) => subject.deliver(pool, batch));
  } catch (error) {
    if (isMessageFault(error)) return null;
    throw error;
  }
}

/** What a lawful step may throw; anything else is a fault of the step or of its test. */
function isMessageFault(error: unknown): boolean {
  const code: MessageFaultCode = 'REFUND_WITHOUT_CHARGE';
  return error instanceof Error && 'code' in error && error.code === code;
}

async function expectRejection(work: Promise<unknown>, where: string): Promise<void> {
  const rejected = await work.then(
    () => false,
    () => true,
  );
  if (!rejected) throw new Error(`${where} went unnoticed`);
}

function split(batch: Batch, shares: readonly number[]): Batch[] {
  const ends = [...shares.map((share) => Math.round(share * batch.length)), batch.length].sort(
    (a, b) => a - b,
  );
  let start = 0;
  const parts = ends.map((end) => {
    const part = batch.slice(start, end);
    start = end;
    return part;
  });
  return parts.filter((part) => part.length > 0);
}

function describe(batch: Batch): string {
  return `[${batch.map(({ topic, key, offset }) => `${topic}/${key?.toString() ?? ''}@${offset}`).join(', ')}]`;
}

/** How long a counterexample is made smaller: each attempt runs whole batches. */
const SHRINK_MS = 8_000;

function soonShrunk<Values extends unknown[]>(predicate: (...values: Values) => Promise<void>) {
  let failedAt = Infinity;
  return async (...values: Values): Promise<void> => {
    if (performance.now() > failedAt + SHRINK_MS) return;
    try {
      await predicate(...values);
    } catch (error) {
      if (!fc.PreconditionFailure.isFailure(error)) failedAt = Math.min(failedAt, performance.now());
      throw error;
    }
  };
}

async function assertLaw<Values extends [unknown, ...unknown[]]>(
  law: LawName,
  { name }: LawSubject,
  property: fc.IAsyncProperty<Values>,
  run: LawRun & { numRuns: number },
): Promise<void> {
  const details = await fc.check(property, run);
  if (!details.failed) return;
  const cause = details.errorInstance;
  const how = messageOf(cause) ?? 'too few batches settle without a message to park';
  throw new LawBroken(
    law,
    name,
    `${how}\n(seed ${details.seed}, path ${details.counterexamplePath ?? ''})`,
    cause,
  );
}

/** Node's own errors are of another realm than a test's: `instanceof Error` says no. */
function messageOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : undefined;
}
