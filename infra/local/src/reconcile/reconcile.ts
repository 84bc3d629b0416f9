import { setTimeout as pause } from 'node:timers/promises';
import { SERVICE_NAMES, type ServiceName } from '../ports.ts';
import { openBooks, type Books } from './books.ts';
import { collectFindings, type InvariantResult } from './invariants.ts';
import { readOrders } from './order-books.ts';
import { checkOrders } from './order-rules.ts';
import { openLagReader, readHead, readUnrest, type LagReader } from './rest.ts';
import { checkSingleBooks, checkTotals } from './single-books.ts';

export interface ReconcileOptions {
  readonly databases: Readonly<Record<ServiceName, string>>;
  readonly kafka: { readonly brokers: readonly string[] };
  /** How long to wait for rest. */
  readonly waitMs: number;
}

/** What a reconciliation found, or what it was still waiting for when its time was over. */
export type Reconciliation =
  | {
      readonly kind: 'checked';
      readonly ok: boolean;
      readonly orders: number;
      readonly elapsedMs: number;
      readonly invariants: readonly InvariantResult[];
      /** Open dead letters by service; they break no invariant and wait for an operator. */
      readonly deadLetters: Readonly<Partial<Record<ServiceName, number>>>;
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

async function countDeadLetters(books: Books): Promise<Partial<Record<ServiceName, number>>> {
  const counts: Partial<Record<ServiceName, number>> = {};
  for (const service of SERVICE_NAMES) {
    const [row] = await books.query<{ count: number }>(
      service,
      'SELECT count(*) AS count FROM dead_letters WHERE closed_at IS NULL',
    );
    if (row && row.count > 0) counts[service] = row.count;
  }
  return counts;
}

/** Checks every invariant on books that are frozen at rest. */
export async function checkBooks(books: Books): Promise<readonly InvariantResult[]> {
  const findings = collectFindings();
  await checkSingleBooks(books, findings);
  await checkTotals(books, findings);
  for await (const page of readOrders(books)) checkOrders(page, findings);
  return findings.results();
}

/**
 * Waits until the stack is at rest and checks the invariants I1 to I7 and I10 order by order across the five databases.
 * Reads only; what is written meanwhile is not seen.
 *
 * @throws the driver's error when a database cannot be reached.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const books = await openBooks(options.databases);
  try {
    const lag = openLagReader(options.kafka.brokers);
    try {
      return await reconcileBooks(books, lag, options.waitMs);
    } finally {
      await lag.close();
    }
  } finally {
    await books.close();
  }
}

/** The part of `reconcile` behind its connections. */
export async function reconcileBooks(
  books: Books,
  lag: Pick<LagReader, 'read'>,
  waitMs: number,
): Promise<Reconciliation> {
  const startedAt = performance.now();
  for (;;) {
    const waitingFor = await freezeAtRest(books, lag);
    if (waitingFor.length === 0) break;
    if (performance.now() - startedAt > waitMs) return { kind: 'not-at-rest', waitingFor };
    await pause(POLL_MS);
  }
  const checkingSince = performance.now();
  try {
    const invariants = await checkBooks(books);
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
