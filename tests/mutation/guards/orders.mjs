const ADVANCE = {
  file: 'services/order/src/domain/advance.ts',
  suites: ['services/order/src/domain/advance.unit.test.ts'],
};
const TRANSITION = {
  file: 'services/order/src/domain/transition.ts',
  suites: ['services/order/src/domain/transition.unit.test.ts'],
};
const DEADLINE = {
  file: 'services/order/src/store/deadline.ts',
  suites: ['services/order/src/sweepers/deadline.int.test.ts'],
};
const SALES = {
  file: 'services/product/src/domain/sales.ts',
  suites: ['services/product/src/domain/sales.unit.test.ts'],
};
const OUTBOX = {
  file: 'services/order/src/store/outbox.ts',
  suites: ['services/order/src/store/outbox.int.test.ts'],
};

/**
 * The rules of the order's own part of the saga (R2 to R8).
 * @type {readonly import('../guards.mjs').Guard[]}
 */
export const ORDERS = [
  {
    ...ADVANCE,
    name: 'order.pending-only',
    promise: 'an answer counts once, and only of who was asked (R3)',
    text: "if (order.status !== 'CANCELLING' || !order.pending.includes(participant)) return [];",
    replacement: "if (order.status !== 'CANCELLING') return [];",
  },
  {
    ...ADVANCE,
    name: 'order.pending-set',
    promise: 'pending is a set of names, never a counter (R3)',
    text: 'order.pending.filter((name) => name !== participant)',
    replacement: 'order.pending.slice(1)',
  },
  {
    ...ADVANCE,
    name: 'order.cancelled-by-answers',
    promise: 'an order is CANCELLED when all have answered, not before (R7)',
    text: 'if (pending.length === 0) return [cancelled(order, cause)];',
    replacement: 'return [cancelled(order, cause)];',
  },
  {
    ...ADVANCE,
    name: 'order.progress-over',
    promise: 'an order that is paid, cancelling or cancelled makes no progress (R4)',
    text: 'return isOpen(order) ? climb(order, stage, withPrices(order.data, event), cause) : [];',
    replacement: 'return climb(order, stage, withPrices(order.data, event), cause);',
  },
  {
    ...ADVANCE,
    name: 'order.paid-once',
    promise: 'an order that is over is not paid (R4)',
    text: `function pay(order: Order, event: PaymentCompleted, now: Date, cause: Cause): readonly OrderFact[] {
  if (!isOpen(order)) return [];`,
    replacement: `function pay(order: Order, event: PaymentCompleted, now: Date, cause: Cause): readonly OrderFact[] {`,
  },
  {
    ...ADVANCE,
    name: 'order.rejected-below-paid',
    promise: 'a rejection counts only below PAID (R4)',
    text: `function reject(order: Order, event: Rejection, now: Date, cause: Cause): readonly OrderFact[] {
  if (!isOpen(order)) return [];`,
    replacement: `function reject(order: Order, event: Rejection, now: Date, cause: Cause): readonly OrderFact[] {`,
  },
  {
    ...ADVANCE,
    name: 'order.progress-never-back',
    promise: 'progress never goes back, and no stage is skipped in the timeline (R4)',
    file: 'services/order/src/domain/order.ts',
    text: 'return LADDER.slice(LADDER.indexOf(from) + 1, LADDER.indexOf(to) + 1);',
    replacement: 'return [to];',
  },
  {
    ...ADVANCE,
    name: 'order.prices-once',
    promise: 'prices are those of the first event that brings them (R4)',
    text: 'own.totalAmount ?? event.totalAmount',
    replacement: 'event.totalAmount ?? own.totalAmount',
  },
  {
    ...ADVANCE,
    name: 'order.skipped-amounts',
    promise: 'a later event that comes first brings all prices (R4)',
    text: 'unitPrice: item.unitPrice ?? prices.get(item.productId)?.unitPrice ?? null,',
    replacement: 'unitPrice: item.unitPrice,',
  },
  {
    ...TRANSITION,
    name: 'order.one-compensation',
    promise: 'a cancel changes nothing once an order is being cancelled (R5)',
    text: `if (order.status === 'PAID') return [cancelling(order, 'CANCELLED_BY_USER', EVERYONE, now, cause)];
  return [];`,
    replacement: `return [cancelling({ paidAt: null, ...order }, 'CANCELLED_BY_USER', EVERYONE, now, cause)];`,
  },
  {
    ...TRANSITION,
    name: 'order.undone-everywhere',
    promise: 'a cancel, a refund and a time-out undo everywhere: a step may be in flight (R5)',
    text: 'export const EVERYONE: readonly Participant[] = PARTICIPANTS;',
    replacement: "export const EVERYONE: readonly Participant[] = ['stock'];",
  },
  {
    ...TRANSITION,
    name: 'order.nudge-attempt',
    promise: 'a nudge is a new attempt with an id of its own (R2)',
    text: 'attempt: order.attempt + 1',
    replacement: 'attempt: order.attempt',
  },
  {
    ...TRANSITION,
    name: 'order.time-out-open',
    promise: 'the deadline touches open orders only',
    text: `if (!isOpen(order)) return [];
  return [cancelling({ ...order, paidAt: null }, 'TIMED_OUT', EVERYONE, now, cause)];`,
    replacement: `return [cancelling({ ...order, paidAt: null }, 'TIMED_OUT', EVERYONE, now, cause)];`,
  },
  {
    ...TRANSITION,
    name: 'order.event-id',
    promise: 'the id of a later attempt is another one (R2)',
    file: 'packages/shared-events/src/contract.ts',
    text: 'return data.attempt\n',
    replacement: 'return data.orderId < 0\n',
    suites: ['packages/shared-events/src/envelope.unit.test.ts'],
  },
  {
    ...DEADLINE,
    name: 'deadline.overtaken',
    promise: 'a backlog, where nobody overtakes, does not cancel itself',
    text: "AND n.created_at >= w.created_at + $2::float8 / 2 * interval '1 ms')",
    replacement: ')',
  },
  {
    ...DEADLINE,
    name: 'deadline.half-a-deadline',
    promise: 'a neighbour that comes through first makes nobody late',
    text: 'w.created_at + $2::float8 / 2 * interval',
    replacement: 'w.created_at + 0 * $2::float8 * interval',
  },
  {
    ...DEADLINE,
    name: 'deadline.hard-age',
    promise: 'an order past the hard age is late, whoever overtook',
    text: "w.created_at <= now() - $3::float8 * interval '1 ms'",
    replacement: "w.created_at <= now() - 1000 * $3::float8 * interval '1 ms'",
  },
  {
    ...DEADLINE,
    name: 'deadline.late-commits',
    promise: 'an order whose commit comes late is looked at all the same',
    text: "WHERE created_at < now() - interval '1 minute'))",
    replacement: '))',
  },
  {
    ...DEADLINE,
    name: 'deadline.skip-locked',
    promise: 'the sweeper does not wait for an order that somebody works on',
    text: ' FOR NO KEY UPDATE SKIP LOCKED',
    replacement: ' FOR NO KEY UPDATE',
  },
  {
    ...SALES,
    name: 'sales.once',
    promise: 'a paid order counts once (R8)',
    text: 'if (row) return [];',
    replacement: '',
  },
  {
    ...SALES,
    name: 'sales.void-once',
    promise: 'a cancelled order is subtracted once (R8)',
    text: "if (row?.state === 'VOID') return [];",
    replacement: '',
  },
  {
    ...SALES,
    name: 'sales.void-first',
    promise: 'a cancelled order whose payment comes later does not count (R8)',
    text: `return [{ type: 'sale-voided', orderId, was: 'none', day: dayOf(paidAt), lines: linesOf(items) }];`,
    replacement: 'return [];',
  },
  {
    ...SALES,
    name: 'sales.never-paid',
    promise: 'a cancelled order that was never paid leaves sales alone (R8)',
    text: 'if (paidAt === null) return [];',
    replacement: '',
  },
  {
    ...OUTBOX,
    name: 'order.outbox-complete',
    promise: 'a message without its row in ORDER_EVENTS ends the transaction',
    text: 'CASE WHEN count(*) = cardinality($1::bigint[]) THEN array_agg(e.id ORDER BY e.id) END',
    replacement: "coalesce(array_agg(e.id ORDER BY e.id), '{}')",
  },
  {
    ...OUTBOX,
    name: 'order.outbox-one-relay',
    promise: 'a row is given to one relay at a time',
    text: 'ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)',
    replacement: 'ORDER BY id LIMIT $2)',
  },
];
