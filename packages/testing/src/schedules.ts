import type { Message } from '@orderflow/shared-events/envelope';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import fc from 'fast-check';
import { orderCancelling, toDelivery, type TestDelivery } from './events.ts';
import type { Crash } from './memory-pool.ts';
import type { ConnectionPool } from './watched-pool.ts';

/** The orders of every scenario. Few, so that they meet. */
export const SCHEDULED_ORDERS = [1, 2, 3, 4];

/** Commits batches of one step through the kit until each is committed. */
export type Consumer = (batch: readonly TestDelivery[]) => Promise<unknown>;

/** What a consumer met on its way: `kind` of each batch that ran again, and `parked` for each dead letter. */
export type Notice = (what: string) => void;

/** The rows of tables by their columns, numbers as numbers. */
export type Tables = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** A participant's forward and undo step. Everything is handed in: this package knows neither the kit nor any step. */
export interface SchedulePair {
  readonly name: string;
  readonly forward: (pool: ConnectionPool, notice: Notice) => Consumer;
  readonly undo: (pool: ConnectionPool, notice: Notice) => Consumer;
  /** What the forward step reads of an order. */
  readonly event: (orderId: number) => ReceivedEvent;
  /** The table of fences: one row an order, with `order_id`, `status` and `attempt`. */
  readonly fences: string;
  /** The topic of the answer by the status of the fence that it tells of. */
  readonly answers: { readonly done: string; readonly rejected: string; readonly undone: string };
  /** What does not add up in the rows after a commit; null when all does. */
  readonly broken: (tables: Tables) => string | null;
}

interface Cancel {
  readonly orderId: number;
  readonly attempt: number;
}

/** Batches of one consumer, one after the other. */
type Work =
  | { readonly step: 'forward'; readonly batches: readonly (readonly number[])[] }
  | { readonly step: 'undo'; readonly batches: readonly (readonly Cancel[])[] };

/** Consumers that run side by side: several of one step are what a rebalance leaves behind, with batches of their own or the same. */
export interface Scenario {
  readonly work: readonly Work[];
  readonly crashes: readonly Crash[];
}

const orderId = fc.constantFrom(...SCHEDULED_ORDERS);
const batchesOf = <Of>(of: fc.Arbitrary<Of>, maxLength: number) =>
  fc.array(fc.array(of, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength });
const forward: fc.Arbitrary<Work> = batchesOf(orderId, 2).map((batches) => ({ step: 'forward', batches }));
const undo: fc.Arbitrary<Work> = batchesOf(fc.record({ orderId, attempt: fc.constantFrom(0, 0, 1) }), 2).map(
  (batches) => ({ step: 'undo', batches }),
);
const crash: fc.Arbitrary<Crash> = fc.record({
  connection: fc.nat(5),
  statement: fc.nat(7),
  how: fc.constantFrom('killed' as const, 'cut' as const),
});

/**
 * A forward and an undo consumer, and others besides them: a second one of either step with batches of its own, or one
 * that has the same batches as the first.
 * @param crashes how many connections may end before their time
 */
export function scenarios({ others, crashes }: { others: number; crashes: number }): fc.Arbitrary<Scenario> {
  const other = fc.oneof(forward, undo, fc.constant(null));
  return fc
    .record({
      forward,
      undo,
      others: fc.array(other, { maxLength: others }),
      crashes: fc.array(crash, { maxLength: crashes }),
    })
    .map((some) => ({
      work: [some.forward, some.undo, ...some.others.map((work) => work ?? some.forward)],
      crashes: some.crashes,
    }));
}

/** Every message of a scenario once more, in one batch a step. */
export function redelivery({ work }: Scenario): Scenario {
  const again = work.reduce<{ forward: number[]; undo: Cancel[] }>(
    ({ forward, undo }, { step, batches }) =>
      step === 'forward'
        ? { forward: [...forward, ...batches.flat()], undo }
        : { forward, undo: [...undo, ...batches.flat()] },
    { forward: [], undo: [] },
  );
  return {
    work: [
      { step: 'forward', batches: [again.forward] },
      { step: 'undo', batches: [again.undo] },
    ],
    crashes: [],
  };
}

const messages = new WeakMap<SchedulePair, Map<string, TestDelivery>>();

/** The batches of a consumer. Each message is made once a pair: encoding is most of what a schedule would cost. */
function deliveriesOf(pair: SchedulePair, work: Work): TestDelivery[][] {
  const known = messages.get(pair) ?? new Map<string, TestDelivery>();
  messages.set(pair, known);
  const once = (name: string, make: () => TestDelivery) => {
    const delivery = known.get(name) ?? make();
    known.set(name, delivery);
    return delivery;
  };
  if (work.step === 'forward') {
    return work.batches.map((batch) =>
      batch.map((orderId) =>
        once(`${orderId}`, () => toDelivery(pair.event(orderId), { partition: 0, offset: orderId })),
      ),
    );
  }
  return work.batches.map((batch) =>
    batch.map(({ orderId, attempt }) =>
      once(`${orderId}/${attempt}`, () => {
        const { data } = pair.event(orderId);
        return toDelivery(orderCancelling({ ...data, attempt }), {
          partition: 0,
          offset: 10 * orderId + attempt,
        });
      }),
    ),
  );
}

/** Starts every consumer of a scenario; `done` is called as each has committed its last batch. */
export function startConsumers(
  pair: SchedulePair,
  scenario: Scenario,
  poolOf: (name: string) => ConnectionPool,
  on: { readonly notice: Notice; readonly done: (error?: Error) => void },
): void {
  scenario.work.forEach((work, index) => {
    const consume = pair[work.step](poolOf(`${work.step} ${index + 1}`), on.notice);
    const run = async () => {
      for (const batch of deliveriesOf(pair, work)) await consume(batch);
    };
    run().then(
      () => on.done(),
      (error: unknown) => on.done(error instanceof Error ? error : new Error(String(error))),
    );
  });
}

/** The ids of the messages in the outbox, one for each that is there. */
export function sentIn(tables: Tables): string[] {
  return (tables['outbox'] ?? []).flatMap(({ messages }) =>
    (JSON.parse(String(messages)) as Message[]).map(({ headers }) => headers['ce_id'] ?? ''),
  );
}

/**
 * What of the fence table's promises does not hold once all is delivered: one row an order, `undone` for who was
 * cancelled and answered for else; each answer once, and that to the highest attempt; nothing parked, and no integrity error
 * met but a fence's.
 */
export function brokenAtRest(
  pair: SchedulePair,
  { work }: Scenario,
  tables: Tables,
  noticed: readonly string[],
): string | null {
  const sent = sentIn(tables);
  const twice = sent.find((id, index) => sent.indexOf(id) !== index);
  if (twice) return `${twice} was sent twice`;
  if (noticed.includes('parked')) return 'a healthy message was parked';
  if (noticed.includes('constraint')) return 'a constraint was violated that is not the fence’s';
  for (const orderId of SCHEDULED_ORDERS) {
    const broken = brokenOrder(pair, orderId, work, tables, sent);
    if (broken) return `order ${orderId}: ${broken}`;
  }
  return pair.broken(tables);
}

function brokenOrder(
  { fences, answers }: SchedulePair,
  orderId: number,
  work: readonly Work[],
  tables: Tables,
  sent: readonly string[],
): string | null {
  const attempts = work.flatMap(({ step, batches }) =>
    step === 'undo'
      ? batches.flat().flatMap((cancel) => (cancel.orderId === orderId ? [cancel.attempt] : []))
      : [],
  );
  const isAsked = work.some(({ step, batches }) => step === 'forward' && batches.flat().includes(orderId));
  const rows = (tables[fences] ?? []).filter((row) => row['order_id'] === orderId);
  const [row] = rows;
  if (attempts.length === 0 && !isAsked) return row ? 'has a row, and nobody asked' : null;
  if (!row || rows.length > 1) return `has ${rows.length} rows`;
  const forwardAnswers = [answers.done, answers.rejected].filter((topic) =>
    sent.includes(`${topic}/${orderId}`),
  );
  if (forwardAnswers.length > 1) return 'was answered both ways';
  if (attempts.length === 0) {
    const { status } = row;
    if (status !== 'done' && status !== 'rejected') return `is ${String(status)}, and nobody cancelled it`;
    return forwardAnswers[0] === answers[status]
      ? null
      : `is ${status} and was told ${forwardAnswers[0] ?? 'nothing'}`;
  }
  const last = Math.max(...attempts);
  if (row['status'] !== 'undone') return `was cancelled and is ${String(row['status'])}`;
  if (row['attempt'] !== last)
    return `was cancelled in attempt ${last}, its row says ${String(row['attempt'])}`;
  const answer = `${answers.undone}/${orderId}${last > 0 ? `/${last}` : ''}`;
  return sent.includes(answer) ? null : `${answer} was not sent`;
}

/** A schedule that broke a promise: which, the scenario, and what happened in which order. */
export class ScheduleBroken extends Error {
  constructor(pair: string, how: string, { work, crashes }: Scenario, steps: readonly string[]) {
    const batches = work.map(
      ({ step, batches }, index) => `  ${step} ${index + 1}: ${JSON.stringify(batches)}`,
    );
    const ends = crashes.map(
      ({ connection, statement, how }) =>
        `  connection ${connection + 1} is ${how} at its statement ${statement + 1}`,
    );
    super([`${pair}: ${how}`, ...batches, ...ends, ...steps.map((step) => `    ${step}`)].join('\n'));
    this.name = 'ScheduleBroken';
  }
}

/** Runs `numRuns` schedules. @throws Error with the first that broke something, the seed and its number */
export async function checkSchedules(
  property: fc.IAsyncProperty<[fc.Scheduler, Scenario]>,
  run: { readonly seed: number; readonly numRuns: number },
): Promise<void> {
  const details = await fc.check(property, { ...run, endOnFailure: true });
  if (!details.failed) return;
  const { errorInstance, numRuns } = details;
  const how = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`schedule ${numRuns} (ORDERFLOW_SEED=${run.seed}): ${how}`, { cause: errorInstance });
}
