import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceName } from '../ports.ts';
import { openBooks, type Books } from './books.ts';
import { checkDeadLetters, countDeadLetters, type DeadLetterCounts } from './dead-letters.ts';
import { collectFindings, type InvariantResult } from './invariants.ts';
import { readOrders } from './order-books.ts';
import { checkOrders } from './order-rules.ts';
import { checkPublication } from './publication.ts';
import { openLagReader, readHead, readUnrest, type LagReader } from './rest.ts';
import { checkSingleBooks, checkTotals } from './single-books.ts';
import { topicReader, type TopicReader } from './topic-events.ts';

export interface ReconcileOptions {
  readonly databases: Readonly<Record<ServiceName, string>>;
  readonly kafka: { readonly brokers: readonly string[] };
  /** How long to wait for rest. */
  readonly waitMs: number;
  /** How many dead letters are to be open (I11); without it they are counted, and their number is no matter. */
  readonly deadLetters?: number | undefined;
}

/** What is read: the databases, how far the steps are, and the topics. */
export interface Sources {
  readonly books: Books;
  readonly lag: Pick<LagReader, 'read'>;
  readonly topics: TopicReader;
}

/** What a reconciliation found, or what it was still waiting for when its time was over. */
export type Reconciliation =
  | {
      readonly kind: 'checked';
      readonly ok: boolean;
      readonly orders: number;
      readonly elapsedMs: number;
      readonly invariants: readonly InvariantResult[];
      /** Open dead letters by service: they wait for an operator. */
      readonly deadLetters: DeadLetterCounts;
    }
  | { readonly kind: 'not-at-rest'; readonly waitingFor: readonly string[] };

const POLL_MS = 250;

/** Kafka may be starting again just now: then it is what is waited for. */
async function readLag(lag: Pick<LagReader, 'read'>): Promise<string[]> {
  try {
    const lags = await lag.read();
    return lags.map(({ step, messages }) => `${step} has ${messages} messages to read`);
  } catch (error) {
    return [`Kafka does not tell its offsets: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/**
 * Freezes the five databases at one moment of rest. Rest is asked for twice, before and inside the frozen view, and
 * no order may have moved in between: only then do five separate snapshots belong together.
 *
 * @returns what stands in the way; empty when the books are frozen.
 */
async function freezeAtRest(books: Books, lag: Pick<LagReader, 'read'>): Promise<string[]> {
  const head = await readHead(books);
  const unrest = await readUnrest(books);
  if (unrest.length > 0) return unrest;
  const lags = await readLag(lag);
  if (lags.length > 0) return lags;
  await books.freeze();
  const frozenUnrest = await readUnrest(books);
  if (frozenUnrest.length === 0 && (await readHead(books)) === head) return [];
  await books.thaw();
  return frozenUnrest.length > 0 ? frozenUnrest : ['orders are moving'];
}

/** Checks every invariant on books that are frozen at rest. I11 is one of them when a number is given. */
export async function checkBooks(
  { books, topics }: Pick<Sources, 'books' | 'topics'>,
  deadLetters?: number,
): Promise<readonly InvariantResult[]> {
  const findings = collectFindings();
  await checkSingleBooks(books, findings);
  await checkTotals(books, findings);
  for await (const page of readOrders(books)) checkOrders(page, findings);
  await checkPublication(books, topics, findings);
  if (deadLetters !== undefined) await checkDeadLetters(books, deadLetters, findings);
  return findings.results().filter(({ id }) => id !== 'I11' || deadLetters !== undefined);
}

/**
 * Waits until the stack is at rest and checks the invariants order by order across the five databases, and that what
 * they say was published lies in the topics. Reads only; what is written meanwhile is not seen.
 *
 * @throws the driver's error when a database cannot be reached; Error when a topic cannot be read.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const books = await openBooks(options.databases);
  try {
    const { brokers } = options.kafka;
    const lag = openLagReader(brokers);
    try {
      return await reconcileSources({ books, lag, topics: topicReader(brokers) }, options);
    } finally {
      await lag.close();
    }
  } finally {
    await books.close();
  }
}

/** The part of `reconcile` behind its connections. */
export async function reconcileSources(
  sources: Sources,
  { waitMs, deadLetters }: Pick<ReconcileOptions, 'waitMs' | 'deadLetters'>,
): Promise<Reconciliation> {
  const { books, lag } = sources;
  const startedAt = performance.now();
  for (;;) {
    const waitingFor = await freezeAtRest(books, lag);
    if (waitingFor.length === 0) break;
    if (performance.now() - startedAt > waitMs) return { kind: 'not-at-rest', waitingFor };
    await pause(POLL_MS);
  }
  const checkingSince = performance.now();
  try {
    const invariants = await checkBooks(sources, deadLetters);
    return {
      kind: 'checked',
      ok: invariants.every(({ violations }) => violations === 0),
      orders: invariants.find(({ id }) => id === 'I4')?.checked ?? 0,
      elapsedMs: Math.round(performance.now() - checkingSince),
      invariants,
      deadLetters: await countDeadLetters(books),
    };
  } finally {
    await books.thaw();
  }
}
