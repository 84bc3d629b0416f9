import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import { decideApplication, withApplication } from '../../services/coupon/src/domain/application.ts';
import { decideRestoration, withRestoration } from '../../services/coupon/src/domain/restoration.ts';
import { advance } from '../../services/order/src/domain/advance.ts';
import type { Order } from '../../services/order/src/domain/order.ts';
import {
  decideCancel,
  decideNudge,
  decideTimeOut,
  type Cause,
  type OrderFact,
} from '../../services/order/src/domain/transition.ts';
import { decidePayment, withPayment } from '../../services/payment/src/domain/payment.ts';
import {
  decideRefund as decidePayback,
  withRefund as withPayback,
} from '../../services/payment/src/domain/refund.ts';
import { decideRelease, withRelease } from '../../services/product/src/domain/release.ts';
import { decideReservation, withReservation } from '../../services/product/src/domain/reservation.ts';
import { decideSales, salesDayIn, withSales } from '../../services/product/src/domain/sales.ts';
import { decideCharge, withCharge } from '../../services/user-balance/src/domain/charge.ts';
import { decideRefund, withRefund } from '../../services/user-balance/src/domain/refund.ts';

/** The database's time, for every decision. */
export const NOW = new Date('2026-01-01T00:00:00.000Z');
export const ORDER = 1;
export const USER = 2;
export const PRODUCT = 3;
export const COUPON = 4;
export const QUANTITY = 2;
const PRICE = 1000n;
const DISCOUNT = 300n;
export const TOTAL = PRICE * BigInt(QUANTITY) - DISCOUNT;

/** A row that a step inserts once per order: the fence of a participant, or the sale of product.count-sales. */
export type Row = object | null;

/** Changes of the books by one fact: stock and coupon held, money charged and paid, pieces sold. */
export interface Books {
  readonly stock: number;
  readonly coupon: number;
  readonly charged: bigint;
  readonly paid: bigint;
  readonly sold: number;
}

export const NOTHING: Books = { stock: 0, coupon: 0, charged: 0n, paid: 0n, sold: 0 };

export interface ModelFact {
  readonly type: string;
  readonly data?: ReceivedEvent['data'];
  readonly books: Partial<Books>;
}

/** What a step makes of one event: facts, and the row after each of them. */
export interface Decision {
  readonly facts: readonly ModelFact[];
  readonly row: Row;
}

/** A step over its own row, as the explorer sees it; `accepts` is the environment's free choice to refuse. */
export interface ModelStep {
  readonly name: string;
  readonly on: readonly string[];
  /** Which row it keeps: forward and undo of one participant share theirs. */
  readonly row: 'stock' | 'coupon' | 'balance' | 'payment' | 'sales';
  readonly mayRefuse: boolean;
  decide(row: Row, event: ReceivedEvent, accepts: boolean): Decision;
}

/** Everything of the saga that can be broken on purpose. */
export interface Saga {
  readonly steps: readonly ModelStep[];
  readonly advance: typeof advance;
  readonly decideCancel: typeof decideCancel;
  readonly decideTimeOut: typeof decideTimeOut;
  readonly decideNudge: typeof decideNudge;
  /** What a violated unique key does: the batch runs again (rule R1), or one of two readings that lose something. */
  readonly onConflict: 'run-again' | 'do-nothing' | 'park';
  /** A nudge that repeats the event id is dropped by whoever knows that id. */
  readonly nudgeKeepsId: boolean;
  /** Deletes the rows of paid orders, which rule R10 forbids. */
  readonly dropsDoneRows: boolean;
}

/** Folds one event through a step's own decide and evolve, over a state built around its row. */
function stepOf<State, Event, Fact extends { readonly type: string }>(
  parts: Pick<ModelStep, 'name' | 'on' | 'row' | 'mayRefuse'> & {
    state: (rows: Map<number, never>, accepts: boolean) => State;
    decide: (state: State, event: Event, accepts: boolean) => readonly Fact[];
    evolve: (state: State, fact: Fact) => State;
    books: (fact: Fact) => Partial<Books>;
  },
): ModelStep {
  const { name, on, row, mayRefuse } = parts;
  return {
    name,
    on,
    row,
    mayRefuse,
    decide(current, event, accepts) {
      const rows = new Map<number, Row>(current === null ? [] : [[ORDER, current]]);
      const state = parts.state(rows as Map<number, never>, accepts);
      const facts = parts.decide(state, event as Event, accepts).map((fact) => {
        parts.evolve(state, fact);
        return { ...fact, books: parts.books(fact) };
      });
      return { facts, row: rows.get(ORDER) ?? null };
    },
  };
}

const pieces = (lines: readonly { quantity: number }[]) =>
  lines.reduce((sum, line) => sum + line.quantity, 0);
const held = (fact: { type: string; lines?: readonly { quantity: number }[] }) => pieces(fact.lines ?? []);
const dayOf = salesDayIn('UTC');

/** Remembers the results of a pure function of two objects, by their identity. */
function remembered<A extends object, B extends object, Result>(
  pure: (a: A, b: B) => Result,
): (a: A, b: B) => Result {
  const results = new WeakMap<A, WeakMap<B, Result>>();
  return (a, b) => {
    let ofA = results.get(a);
    if (!ofA) results.set(a, (ofA = new WeakMap()));
    let result = ofA.get(b);
    if (result === undefined) ofA.set(b, (result = pure(a, b)));
    return result;
  };
}

const NO_ROW = {};

/**
 * The same saga, each pure function called once per pair of arguments. Worlds then share their rows, facts and events,
 * which makes a world cheap to name.
 */
export function memoized(saga: Saga): Saga {
  const advanceOnce = remembered((order: Order, event: ReceivedEvent) =>
    saga.advance(new Map([[ORDER, order]]), event as Parameters<typeof advance>[1], NOW),
  );
  const steps = saga.steps.map((step) => {
    const decide = [true, false].map((accepts) =>
      remembered((row: object, event: ReceivedEvent) =>
        step.decide(row === NO_ROW ? null : row, event, accepts),
      ),
    );
    return {
      ...step,
      decide: (row: Row, event: ReceivedEvent, accepts: boolean) =>
        (decide[accepts ? 0 : 1] as (typeof decide)[number])(row ?? NO_ROW, event),
    };
  });
  const changes = [saga.decideCancel, saga.decideTimeOut, saga.decideNudge].map((decide) =>
    remembered((order: Order, cause: Cause) =>
      decide === saga.decideNudge
        ? saga.decideNudge(order, cause)
        : (decide as typeof decideCancel)(order, NOW, cause),
    ),
  );
  const [cancel, timeOut, nudge] = changes as [Change, Change, Change];
  return {
    ...saga,
    steps,
    advance: (orders, event) => advanceOnce(orders.get(ORDER) as Order, event),
    decideCancel: (order, _, cause) => cancel(order, cause),
    decideTimeOut: (order, _, cause) => timeOut(order, cause),
    decideNudge: (order, cause) => nudge(order, cause),
  };
}

type Change = (order: Order, cause: Cause) => readonly OrderFact[];

/** The saga as the services run it. */
export const realSaga: Saga = {
  advance,
  decideCancel,
  decideTimeOut,
  decideNudge,
  onConflict: 'run-again',
  nudgeKeepsId: false,
  dropsDoneRows: false,
  steps: [
    stepOf({
      name: 'product.reserve',
      on: ['order.created'],
      row: 'stock',
      mayRefuse: true,
      state: (fences, accepts) => ({
        fences,
        products: new Map([
          [PRODUCT, { status: 'ON_SALE' as const, price: PRICE, quantity: accepts ? QUANTITY : 0 }],
        ]),
      }),
      decide: decideReservation,
      evolve: withReservation,
      books: (fact) => ({ stock: held(fact) }),
    }),
    stepOf({
      name: 'product.release',
      on: ['order.cancelling'],
      row: 'stock',
      mayRefuse: false,
      state: (fences) => ({ fences }),
      decide: decideRelease,
      evolve: withRelease,
      books: (fact) => ({ stock: -held(fact) }),
    }),
    stepOf({
      name: 'coupon.apply',
      on: ['stock.reserved'],
      row: 'coupon',
      mayRefuse: true,
      state: (fences, accepts) => ({
        fences,
        coupons: new Map([[COUPON, { userId: USER, discountAmount: DISCOUNT, used: !accepts }]]),
      }),
      decide: decideApplication,
      evolve: withApplication,
      books: (fact) => ({ coupon: fact.type === 'coupon.applied' ? 1 : 0 }),
    }),
    stepOf({
      name: 'coupon.restore',
      on: ['order.cancelling'],
      row: 'coupon',
      mayRefuse: false,
      state: (fences) => ({ fences }),
      decide: decideRestoration,
      evolve: withRestoration,
      books: (fact) => ({ coupon: fact.couponId === null ? 0 : -1 }),
    }),
    stepOf({
      name: 'user-balance.charge',
      on: ['coupon.applied'],
      row: 'balance',
      mayRefuse: true,
      state: (fences, accepts) => ({ fences, balances: new Map([[USER, accepts ? TOTAL : TOTAL - 1n]]) }),
      decide: decideCharge,
      evolve: withCharge,
      books: (fact) => ({ charged: fact.type === 'balance.charged' ? fact.data.totalAmount : 0n }),
    }),
    stepOf({
      name: 'user-balance.refund',
      on: ['order.cancelling'],
      row: 'balance',
      mayRefuse: false,
      state: (fences) => ({ fences }),
      decide: decideRefund,
      evolve: withRefund,
      books: (fact) => ({ charged: -(fact.refund?.amount ?? 0n) }),
    }),
    stepOf({
      name: 'payment.pay',
      on: ['balance.charged'],
      row: 'payment',
      mayRefuse: true,
      state: (fences) => ({ fences }),
      decide: (state, event: Parameters<ReturnType<typeof decidePayment>>[1], accepts) =>
        decidePayment(accepts ? TOTAL : TOTAL - 1n)(state, event),
      evolve: withPayment,
      books: (fact) => ({ paid: fact.type === 'payment.completed' ? fact.data.totalAmount : 0n }),
    }),
    stepOf({
      name: 'payment.refund',
      on: ['order.cancelling'],
      row: 'payment',
      mayRefuse: false,
      state: (fences) => ({ fences }),
      decide: decidePayback,
      evolve: withPayback,
      books: (fact) => ({ paid: -(fact.refund?.amount ?? 0n) }),
    }),
    stepOf({
      name: 'product.count-sales',
      on: ['order.paid', 'order.cancelled'],
      row: 'sales',
      mayRefuse: false,
      state: (orders) => ({ orders }),
      decide: decideSales(dayOf),
      evolve: withSales,
      books: (fact) => ({
        sold: fact.type === 'sale-counted' ? held(fact) : fact.was === 'COUNTED' ? -held(fact) : 0,
      }),
    }),
  ],
};
