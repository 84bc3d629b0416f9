import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { EVERYONE, type OrderFact } from '../../services/order/src/domain/transition.ts';
import { LADDER, type Order } from '../../services/order/src/domain/order.ts';
import { ORDER, QUANTITY, realSaga, type Decision, type ModelStep, type Row, type Saga } from './saga.ts';
import type { Bounds } from './world.ts';

/** A reading of the design that looks harmless, and the rule that forbids it. */
export interface Mutant {
  readonly rule: string;
  readonly reading: string;
  readonly saga: Saga;
  readonly bounds: Bounds;
  /** What the shortest trace must end in. */
  readonly breaks: RegExp;
}

const ANY: Bounds = { nudges: 0, parks: 0, interruptions: 'any', redeliveries: true };
const NUDGED: Bounds = { nudges: 1, parks: 0, interruptions: 'at-rest', redeliveries: true };
const PARKED: Bounds = { nudges: 1, parks: 1, interruptions: 'at-rest', redeliveries: true };

export type Decide = ModelStep['decide'];

/** The saga with one step deciding otherwise. */
export function withStep(name: string, change: (decide: Decide) => Decide): Saga {
  return {
    ...realSaga,
    steps: realSaga.steps.map((step) =>
      step.name === name ? { ...step, decide: change(step.decide) } : step,
    ),
  };
}

/** The saga with every undo step deciding otherwise. */
function withUndo(change: (decide: Decide) => Decide): Saga {
  return {
    ...realSaga,
    steps: realSaga.steps.map((step) =>
      step.on.includes('order.cancelling') ? { ...step, decide: change(step.decide) } : step,
    ),
  };
}

export const statusOf = (row: Row) => (row && 'status' in row ? row.status : 'none');
const nothing = (row: Row): Decision => ({ facts: [], row });
const orderOf = (orders: Parameters<Saga['advance']>[0]) => orders.get(ORDER) as Order;

/** The event as if every participant were named. */
function namingEveryone(event: ReceivedEvent): ReceivedEvent {
  return { ...event, data: { ...event.data, compensate: EVERYONE } as ReceivedEvent['data'] };
}

const answers = new Set(['stock.released', 'coupon.restored', 'balance.refunded', 'payment.refunded']);
const stageOf: Readonly<Record<string, string>> = {
  'stock.reserved': 'STOCK_RESERVED',
  'coupon.applied': 'COUPON_APPLIED',
  'balance.charged': 'BALANCE_CHARGED',
  'payment.completed': 'PAID',
};

/** An answer of anybody takes one name off the list, whoever is left: a counter. */
const countingAnswers: Saga['advance'] = (orders, event, now) => {
  const order = orderOf(orders);
  if (order.status !== 'CANCELLING' || !answers.has(event.type)) return realSaga.advance(orders, event, now);
  const counted: Order = { ...order, pending: EVERYONE.slice(0, order.pending.length) };
  const first = {
    stock: 'stock.released',
    coupon: 'coupon.restored',
    balance: 'balance.refunded',
    payment: 'payment.refunded',
  }[counted.pending[0] ?? 'stock'];
  return realSaga.advance(new Map([[ORDER, counted]]), { ...event, type: first } as typeof event, now);
};

/** An event that comes before its turn is dropped. */
const oneStageAtATime: Saga['advance'] = (orders, event, now) => {
  const stage = stageOf[event.type];
  const ladder: readonly string[] = LADDER;
  const tooEarly = stage !== undefined && ladder.indexOf(stage) > ladder.indexOf(orderOf(orders).status) + 1;
  return tooEarly ? [] : realSaga.advance(orders, event, now);
};

/** A later event carries only what its own step found out: the prices of an order that it overtakes are lost. */
const ownFactsOnly: Saga['advance'] = (orders, event, now) => {
  const { data } = event;
  const bare = event.type === 'payment.completed' || event.type === 'balance.charged';
  const items = bare
    ? data.items.map((item) => ({ ...item, unitPrice: null, totalPrice: null }))
    : data.items;
  return realSaga.advance(orders, { ...event, data: { ...data, items } } as typeof event, now);
};

/** A cancel while a rejection is compensated asks everyone, in the round that has gone out already. */
const wideningCancel: Saga['decideCancel'] = (order, now, cause) => {
  if (order.status !== 'CANCELLING' || order.pending.length === EVERYONE.length) {
    return realSaga.decideCancel(order, now, cause);
  }
  const wider: Order = { ...order, compensate: EVERYONE, pending: EVERYONE };
  return [{ type: 'answer-recorded', order: wider, data: order.data, cause } satisfies OrderFact];
};

/** The undo gives back what the event names, whatever the order's own row says. */
function byTheEvent(decide: Decide): Decide {
  return (row, event, accepts) => {
    const decision = decide(row, event, accepts);
    return { ...decision, facts: decision.facts.map((fact) => ({ ...fact, books: { stock: -QUANTITY } })) };
  };
}

/** Daily sales without a row per order: plus for order-paid, minus for order-cancelled. */
function salesOf(sold: (event: ReceivedEvent, row: Row) => number): (decide: Decide) => Decide {
  return () => (row, event) => ({ facts: [{ type: 'counted', books: { sold: sold(event, row) } }], row });
}
const paidBefore = ({ data }: ReceivedEvent) => 'paidAt' in data && data.paidAt !== null;

export const mutants: readonly Mutant[] = [
  {
    rule: 'R1',
    reading: 'the insert of a fence says ON CONFLICT DO NOTHING',
    saga: { ...realSaga, onConflict: 'do-nothing' },
    bounds: ANY,
    breaks: /CANCELLED, and stock is 2/,
  },
  {
    rule: 'R1',
    reading: 'a violated unique key of a fence parks the message',
    saga: { ...realSaga, onConflict: 'park' },
    bounds: ANY,
    breaks: /stuck in CANCELLING/,
  },
  {
    rule: 'R2',
    reading: 'a nudge re-uses its event id',
    saga: { ...realSaga, nudgeKeepsId: true },
    bounds: PARKED,
    breaks: /stuck in CANCELLING/,
  },
  {
    rule: 'R3',
    reading: 'pending is a counter',
    saga: { ...realSaga, advance: countingAnswers },
    bounds: NUDGED,
    breaks: /CANCELLED, and/,
  },
  {
    rule: 'R4',
    reading: 'early events are dropped',
    saga: { ...realSaga, advance: oneStageAtATime },
    bounds: { ...ANY, interruptions: 'at-rest' },
    breaks: /at rest in /,
  },
  {
    rule: 'R4',
    reading: 'an event carries only the facts of its own step',
    saga: { ...realSaga, advance: ownFactsOnly },
    bounds: ANY,
    breaks: /PAID without prices/,
  },
  {
    rule: 'R5',
    reading: 'a cancel in CANCELLING widens the list of who must answer',
    saga: { ...realSaga, decideCancel: wideningCancel },
    bounds: ANY,
    breaks: /stuck in CANCELLING/,
  },
  {
    rule: 'R3, R6',
    reading: 'who is not named answers too, and pending is a counter',
    saga: {
      ...withUndo((decide) => (row, event, accepts) => decide(row, namingEveryone(event), accepts)),
      advance: countingAnswers,
    },
    bounds: ANY,
    breaks: /CANCELLED, and/,
  },
  {
    rule: 'fence',
    reading: 'an undo that finds no row leaves no tombstone',
    saga: withUndo((decide) => (row, event, accepts) => {
      const decision = decide(row, event, accepts);
      return row === null ? { ...decision, row: null } : decision;
    }),
    bounds: ANY,
    breaks: /CANCELLED, and/,
  },
  {
    rule: 'fence',
    reading: 'a rejected row stays silent on order-cancelling',
    saga: withUndo(
      (decide) => (row, event, accepts) =>
        statusOf(row) === 'rejected' ? nothing(row) : decide(row, event, accepts),
    ),
    bounds: ANY,
    breaks: /stuck in CANCELLING/,
  },
  {
    rule: 'fence',
    reading: 'an undone row stays silent on a higher attempt',
    saga: withUndo(
      (decide) => (row, event, accepts) =>
        statusOf(row) === 'undone' ? nothing(row) : decide(row, event, accepts),
    ),
    bounds: PARKED,
    breaks: /stuck in CANCELLING/,
  },
  {
    rule: 'undo',
    reading: "the undo gives back by the event's fields, not by the order's own row",
    saga: withStep('product.release', byTheEvent),
    bounds: ANY,
    breaks: /stock is -2/,
  },
  {
    rule: 'R7',
    reading: 'an order is CANCELLED without waiting for the answers',
    saga: {
      ...realSaga,
      decideTimeOut: (order, now, cause) =>
        realSaga.decideTimeOut(order, now, cause).map((fact) => ({
          ...fact,
          order: { status: 'CANCELLED', data: fact.order.data, paidAt: null, reason: 'TIMED_OUT' },
          type: 'order.cancelled',
          data: { ...fact.order.data, reason: 'TIMED_OUT', paidAt: null },
        })),
    },
    bounds: ANY,
    breaks: /CANCELLED, and/,
  },
  {
    rule: 'R8',
    reading: 'daily sales by plus and minus',
    saga: withStep(
      'product.count-sales',
      salesOf((event) => (event.type === 'order.paid' ? QUANTITY : paidBefore(event) ? -QUANTITY : 0)),
    ),
    bounds: ANY,
    breaks: /sold is (-2|4)/,
  },
  {
    rule: 'R8',
    reading: 'order-cancelled does not say whether the order had been paid',
    saga: withStep(
      'product.count-sales',
      salesOf((event) => (event.type === 'order.paid' ? QUANTITY : -QUANTITY)),
    ),
    bounds: { ...ANY, redeliveries: false },
    breaks: /sold is -2/,
  },
  {
    rule: 'R8',
    reading: 'order-cancelled is ignored while nothing is counted',
    saga: withStep(
      'product.count-sales',
      (decide) => (row, event, accepts) =>
        event.type === 'order.cancelled' && row === null ? nothing(row) : decide(row, event, accepts),
    ),
    bounds: ANY,
    breaks: /CANCELLED, and sold is 2/,
  },
  {
    rule: 'R10, R11',
    reading: 'rows of paid orders are deleted; a refund then finds none',
    saga: { ...realSaga, dropsDoneRows: true },
    bounds: ANY,
    breaks: /was paid, its \w+ row is none/,
  },
  {
    rule: 'R11',
    reading: 'the same, and a refund without a row becomes a tombstone',
    saga: {
      ...withUndo(
        (decide) => (row, event, accepts) =>
          decide(row, { ...event, data: { ...event.data, paidAt: null } as ReceivedEvent['data'] }, accepts),
      ),
      dropsDoneRows: true,
    },
    bounds: { ...ANY, redeliveries: false },
    breaks: /CANCELLED, and/,
  },
];
