import { EVENTS } from '@orderflow/shared-events/catalog';
import { eventId, type ReceivedEvent } from '@orderflow/shared-events/contract';
import type { Order } from '../../services/order/src/domain/order.ts';
import type { OrderFact } from '../../services/order/src/domain/transition.ts';
import {
  COUPON,
  NOW,
  NOTHING,
  ORDER,
  PRODUCT,
  QUANTITY,
  USER,
  type Books,
  type ModelFact,
  type ModelStep,
  type Row,
  type Saga,
} from './saga.ts';

/** A published message and which of its readers have had it, or have it parked; as bits of `readersOf`. */
export interface Published {
  readonly event: ReceivedEvent;
  readonly delivered: number;
  readonly parked: number;
}

/** A handler between its two moves: it has loaded and decided, and not saved yet. */
export interface InFlight {
  readonly step: string;
  readonly event: ReceivedEvent;
  readonly facts: readonly ModelFact[];
  readonly row: Row;
}

/** One order's world; immutable, so that worlds share what they have in common. */
export interface World {
  readonly order: Order;
  readonly rows: Readonly<Record<'stock' | 'coupon' | 'balance' | 'payment' | 'sales', Row>>;
  readonly books: Books;
  readonly published: readonly Published[];
  readonly inFlight: readonly InFlight[];
  readonly parks: number;
}

export interface Bounds {
  /** Nudges, at any moment; where messages may be parked at rest only, when an operator sees the order stuck. */
  readonly nudges: number;
  /** Messages that may be parked at one of their readers. */
  readonly parks: number;
  /** When a user cancels (before payment or after it) and the deadline passes: at any moment, only at rest, or never. */
  readonly interruptions: 'any' | 'at-rest' | 'never';
  /** Whether a reader may get a message again, any number of times. */
  readonly redeliveries: boolean;
  /** A handler that finds no row loads and saves in two moves (rule R1), unless it is told to take one. */
  readonly handlers?: 'one-move';
}

/** What a move needs of something that orders share; an order that is alone has it at will. */
export interface Need {
  readonly row: ModelStep['row'];
  /** Whether there is enough of it; null for who needs its lock alone. */
  readonly granted: boolean | null;
}

/** A next world, and what happened, in words. */
export interface Move {
  readonly label: string;
  readonly world: World;
  readonly needs?: Need;
}

/** A broken promise: what the shortest trace to it proves. */
export class Violation extends Error {}

const NOBODY = { id: null, traceparent: null };
/** Handlers between their moves at once; one step never has two. */
const MAX_IN_FLIGHT = 2;
const topics = new Map(EVENTS.map((contract) => [contract.type, contract]));

/** The event a fact publishes; one object for one fact, since worlds share their facts. */
const published = new WeakMap<object, ReceivedEvent>();

function eventOf(fact: { readonly type: string; readonly data?: ReceivedEvent['data'] }): ReceivedEvent[] {
  if (!fact.data || !topics.has(fact.type)) return [];
  let event = published.get(fact);
  if (!event) published.set(fact, (event = received(fact.type, fact.data)));
  return [event];
}

function received(type: string, data: ReceivedEvent['data']): ReceivedEvent {
  const contract = topics.get(type);
  if (!contract) throw new Error(`no contract ${type}`);
  return { type, version: contract.version, id: eventId(contract, data), data, traceparent: null };
}

export function newOrder(): World {
  const line = {
    productId: PRODUCT,
    quantity: QUANTITY,
    expectedUnitPrice: null,
    unitPrice: null,
    totalPrice: null,
  };
  const amounts = { originalAmount: null, discountAmount: null, totalAmount: null };
  const data = { orderId: ORDER, userId: USER, couponId: COUPON, items: [line], ...amounts };
  return {
    order: { status: 'CREATED', data },
    rows: { stock: null, coupon: null, balance: null, payment: null, sales: null },
    books: NOTHING,
    published: [{ event: received('order.created', data), delivered: 0, parked: 0 }],
    inFlight: [],
    parks: 0,
  };
}

/** Who reads which event: the participants' steps and order.advance, each with a bit of its own. */
export function readersOf(saga: Saga, type: string): string[] {
  const steps = saga.steps.filter(({ on }) => on.includes(type)).map(({ name }) => name);
  const advances = !type.startsWith('order.');
  return advances ? ['order.advance', ...steps] : steps;
}

/** Every message has had each of its readers, and nobody is between two moves: nothing happens by itself any more. */
export function isAtRest(saga: Saga, world: World): boolean {
  if (world.inFlight.length > 0) return false;
  return world.published.every(({ event, delivered, parked }) => {
    const everyone = (1 << readersOf(saga, event.type).length) - 1;
    return (delivered | parked) === everyone;
  });
}

/** Every move from here: a delivery (first, late or repeated), the second half of a handler, a cancel, a time-out, a nudge. */
export function movesFrom(saga: Saga, world: World, bounds: Bounds): Move[] {
  const moves: Move[] = [];
  world.inFlight.forEach((handler, index) => moves.push(saveMove(saga, world, handler, index)));
  world.published.forEach((message, index) => {
    readersOf(saga, message.event.type).forEach((reader, bit) => {
      if (message.parked & (1 << bit)) return;
      const first = !(message.delivered & (1 << bit));
      if (first || bounds.redeliveries) moves.push(...deliveries(saga, world, bounds, index, reader, bit));
      if (first && world.parks < bounds.parks && reader !== 'product.count-sales') {
        moves.push(parked(world, index, reader, bit));
      }
    });
  });
  const atRest = isAtRest(saga, world);
  if (bounds.interruptions === 'any' || (bounds.interruptions === 'at-rest' && atRest)) {
    moves.push(...orderMoves(saga, world, 'the user cancels', saga.decideCancel(world.order, NOW, NOBODY)));
    moves.push(
      ...orderMoves(saga, world, 'the deadline passes', saga.decideTimeOut(world.order, NOW, NOBODY)),
    );
  }
  const { order } = world;
  if (order.status === 'CANCELLING' && order.attempt < bounds.nudges && (bounds.parks === 0 || atRest)) {
    moves.push(...orderMoves(saga, world, 'an operator nudges', saga.decideNudge(order, NOBODY)));
  }
  return moves;
}

function orderMoves(saga: Saga, world: World, label: string, facts: readonly OrderFact[]): Move[] {
  return facts.length === 0 ? [] : [{ label, world: withOrderFacts(saga, world, facts) }];
}

function withOrderFacts(saga: Saga, world: World, facts: readonly OrderFact[]): World {
  const order = facts.at(-1)?.order ?? world.order;
  const dropped = saga.dropsDoneRows && order.status === 'PAID';
  const rows = dropped
    ? { ...world.rows, stock: null, coupon: null, balance: null, payment: null }
    : world.rows;
  const events = facts.flatMap((fact) => (saga.nudgeKeepsId ? withFirstId(fact) : eventOf(fact)));
  return publish({ ...world, order, rows }, events);
}

/** The events of a build whose nudges repeat the first id. */
function withFirstId(fact: OrderFact): ReceivedEvent[] {
  if (fact.type !== 'order.cancelling') return eventOf(fact);
  const data = { ...fact.data, attempt: 0 };
  return eventOf({ ...fact, data });
}

/** Puts events into their topics. An id that is there already is a repetition: whoever has had it, has had it. */
function publish(world: World, events: readonly ReceivedEvent[]): World {
  const known = new Set(world.published.map(({ event }) => event.id));
  const added = events
    .filter(({ id }) => !known.has(id))
    .map((event) => ({ event, delivered: 0, parked: 0 }));
  if (added.length === 0) return world;
  // By id: the order in which messages came to their topics is not part of the world.
  const published = [...world.published, ...added].sort((a, b) => (a.event.id < b.event.id ? -1 : 1));
  return { ...world, published };
}

function deliveries(
  saga: Saga,
  world: World,
  bounds: Bounds,
  index: number,
  reader: string,
  bit: number,
): Move[] {
  const { event } = world.published[index] as Published;
  const label = `${reader} reads ${event.id}`;
  const marked = mark(world, index, bit);
  if (reader === 'order.advance') {
    const facts = saga.advance(
      new Map([[ORDER, world.order]]),
      event as Parameters<typeof saga.advance>[1],
      NOW,
    );
    return [{ label, world: withOrderFacts(saga, marked, facts) }];
  }
  const step = saga.steps.find(({ name }) => name === reader);
  if (!step) throw new Error(`no step ${reader}`);
  if (world.inFlight.some((handler) => handler.step === reader)) return [];
  const row = world.rows[step.row];
  const asks = step.mayRefuse && row === null;
  return (asks ? [true, false] : [true]).flatMap((granted): Move[] => {
    const { facts, row: after } = step.decide(row, event, granted);
    const decided = `${label}${facts.length === 0 ? ': nothing' : `: ${facts.map(({ type }) => type).join(', ')}`}`;
    if (facts.length === 0) return [{ label: decided, world: marked }];
    const needs = { row: step.row, granted: asks ? granted : null };
    const needed = asks || holdsSomething(row) ? { needs } : {};
    // A row that is there is locked from load to save, so its handler is one move.
    if (row !== null || bounds.handlers === 'one-move')
      return [{ label: decided, world: withStepFacts(marked, step.row, after, facts), ...needed }];
    if (world.inFlight.length === MAX_IN_FLIGHT) return [];
    const inFlight = [...world.inFlight, { step: reader, event, facts, row: after }];
    return [{ label: `${decided} (not saved yet)`, world: { ...world, inFlight }, ...needed }];
  });
}

/** Whether a participant's row says that the order holds something there. */
export function holdsSomething(row: Row): boolean {
  return row !== null && 'status' in row && row.status === 'done';
}

/** The second half of a handler that found no row: its insert meets the unique key. */
function saveMove(saga: Saga, world: World, handler: InFlight, index: number): Move {
  const step = saga.steps.find(({ name }) => name === handler.step);
  if (!step) throw new Error(`no step ${handler.step}`);
  const without = { ...world, inFlight: world.inFlight.toSpliced(index, 1) };
  const at = world.published.findIndex(({ event }) => event.id === handler.event.id);
  const bit = readersOf(saga, handler.event.type).indexOf(handler.step);
  const lostRace = world.rows[step.row] !== null;
  if (lostRace && saga.onConflict === 'run-again') {
    return { label: `${handler.step} loses the race and runs again`, world: without };
  }
  const marked = mark(without, at, bit);
  if (lostRace && saga.onConflict === 'park')
    return { label: `${handler.step} parks its message`, world: marked };
  const row = lostRace ? world.rows[step.row] : handler.row;
  return { label: `${handler.step} saves`, world: withStepFacts(marked, step.row, row, handler.facts) };
}

function withStepFacts(
  world: World,
  name: keyof World['rows'],
  row: Row,
  facts: readonly ModelFact[],
): World {
  const books = facts.reduce((sum, fact) => added(sum, fact.books), world.books);
  const events = facts.flatMap(eventOf);
  return publish({ ...world, rows: { ...world.rows, [name]: row }, books }, events);
}

function added(sum: Books, change: Partial<Books>): Books {
  return {
    stock: sum.stock + (change.stock ?? 0),
    coupon: sum.coupon + (change.coupon ?? 0),
    charged: sum.charged + (change.charged ?? 0n),
    paid: sum.paid + (change.paid ?? 0n),
    sold: sum.sold + (change.sold ?? 0),
  };
}

function mark(world: World, index: number, bit: number): World {
  const message = world.published[index] as Published;
  if (message.delivered & (1 << bit)) return world;
  return {
    ...world,
    published: world.published.with(index, { ...message, delivered: message.delivered | (1 << bit) }),
  };
}

function parked(world: World, index: number, reader: string, bit: number): Move {
  const message = world.published[index] as Published;
  const published = world.published.with(index, { ...message, parked: message.parked | (1 << bit) });
  return {
    label: `${message.event.id} is parked at ${reader}`,
    world: { ...world, published, parks: world.parks + 1 },
  };
}
