import { toMessage } from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import { coalesce } from './coalesce.ts';
import type { FailAt, Failpoint } from './failpoints.ts';
import { Kit } from './kit.ts';
import { noMetrics } from './kit-metrics.ts';
import { commitWithOutbox, messageOutbox } from './outbox.ts';
import { asked, BUG, toyContracts, toyStep, type Ask, type ToyContracts } from './toy-step.test.ts';

/** All that outlives a process: plain data, so that another process can go on with it. */
export interface Place {
  readonly point: Failpoint;
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  /** How the name of its topic ends … */
  readonly askedIn: string;
  /** … and those of the topics that many places answer in, told apart by their orders. */
  readonly answersIn: string;
  /** Its orders are the nine after this one. */
  readonly ordersAfter: number;
  /** The step's name, and its group's. */
  readonly step: string;
}

export const PARTITIONS = 2;
/** The one dead letter that is there from the beginning. */
const LETTER = 1;

export function contractsOf({ askedIn, answersIn }: Place): ToyContracts {
  return { ...toyContracts(answersIn), asked: toyContracts(askedIn).asked };
}

/**
 * The orders of the story. Five are asked for, one of them poison and one too much; one was asked for in an instance
 * that ended before it was published; one was parked by a release that had a bug.
 */
export function ordersOf({ ordersAfter }: Place) {
  const ask = (order: number, part: Partial<Ask> = {}): Ask => ({
    orderId: ordersAfter + order,
    tokens: 5,
    ...part,
  });
  return {
    unpublished: ask(1),
    parked: ask(2),
    asked: [ask(3), ask(4), ask(5, { plant: BUG }), ask(6, { tokens: 1_000 }), ask(7)],
  };
}

export function openKit(place: Place, failAt?: FailAt): Kit {
  const contracts = contractsOf(place);
  const quiet = () => undefined;
  return new Kit({
    service: 'toy',
    databaseUrl: place.databaseUrl,
    brokers: place.brokers,
    topics: [{ name: contracts.asked.topic, consumers: [place.step], partitions: PARTITIONS }],
    outbox: messageOutbox,
    steps: [{ step: toyStep(contracts, place.step) }],
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    metrics: noMetrics,
    poisonPerMinute: 0,
    onFatal: quiet,
    failAt,
  });
}

/**
 * Asks for the orders and replays the dead letter, each until it is answered, as clients and operators do: what was
 * answered before is not done again.
 */
export async function tellStory(kit: Kit, place: Place): Promise<void> {
  const { asked: asks } = ordersOf(place);
  const take = takeAsks(kit, place);
  await Promise.all([
    ...asks.map((ask) => untilAnswered(() => take(ask))),
    untilAnswered(() => replayLetter(kit, place)),
  ]);
}

function untilAnswered(request: () => Promise<unknown>): Promise<true> {
  const answered = async () => {
    await request();
    return true as const;
  };
  return waitUntil(answered, { what: 'an answer', timeoutMs: 60_000, intervalMs: 100 });
}

/** The intake: its key is the order's line in the diary, which commits with the order's message. */
function takeAsks(kit: Kit, place: Place): (ask: Ask) => Promise<number> {
  const contracts = contractsOf(place);
  return coalesce<Ask, number>({
    intervalMs: 0,
    maxBatch: 100,
    maxWaiting: 100,
    run: (asks) =>
      commitWithOutbox(kit.write, async (tx) => {
        const { rows } = await tx.query<{ entry: string }>(
          'INSERT INTO toy_diary SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING entry',
          [asks.map(({ orderId }) => String(orderId))],
        );
        const taken = new Set(rows.map(({ entry }) => entry));
        return {
          result: asks.map(({ orderId }) => orderId),
          messages: asks
            .filter(({ orderId }) => taken.has(String(orderId)))
            .map((ask) => toMessage(asked(contracts, ask), contracts.asked)),
        };
      }),
  });
}

async function replayLetter(kit: Kit, { step }: Place): Promise<void> {
  const outcome = await kit.replay(step, LETTER, {});
  if (typeof outcome === 'object' && outcome !== null) throw new Error(`replay refused: ${outcome.why}`);
}

/** Throws once at the point, as a backend does whose connection breaks. */
export function throwOnce(point: Failpoint, reached: () => void): FailAt {
  let thrown = false;
  return async (at) => {
    if (at !== point || thrown) return;
    thrown = true;
    reached();
    throw Object.assign(new Error(`planted at ${point}`), { code: 'ECONNRESET' });
  };
}

/** Stands still once at the point, until it may go on; the rest of the kit does not wait. */
export function stallOnce(point: Failpoint, reached: () => void, goOn: Promise<void>): FailAt {
  let stalled = false;
  return async (at) => {
    if (at !== point || stalled) return;
    stalled = true;
    reached();
    await goOn;
  };
}

const FORGETTING: readonly Failpoint[] = [
  'offsets.before-commit',
  'offsets.committed',
  'relay.before-delete',
  'relay.deleted',
];

/**
 * Lets nothing of the kit past any failpoint once it has come to this one: as it is then, it is killed. What it would
 * have others forget goes on: nothing may depend on offsets and deletes being late.
 */
export function standStill(point: Failpoint, reached: () => void): FailAt {
  let still = false;
  return async (at) => {
    if (at === point && !still) {
      still = true;
      reached();
    }
    if (still && (at === point || !FORGETTING.includes(at))) await new Promise(() => undefined);
  };
}
