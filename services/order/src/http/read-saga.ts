import { z } from 'zod';
import type { WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import { rounded } from '@orderflow/operations/rounded';
import { timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { REASONS } from '@orderflow/shared-events/order-so-far';
import { countRecent, readSaga, type Rates, type SagaState } from '../store/saga-totals.ts';
import { statusSchema } from './order-shape.ts';

const count = z.int().min(0);
const perSecond = z.number().min(0);

const sagaSchema = z
  .strictObject({
    at: timeOut,
    orders: z.record(statusSchema, count).describe('All orders, by status.'),
    cancelledByReason: z.partialRecord(z.enum(REASONS), count),
    countedUpTo: timeOut
      .nullable()
      .describe(
        'Under a heavy load PAID and CANCELLED are those of this moment, a minute ago or so; null: of now.',
      ),
    open: count.describe('On their way to be paid.'),
    stuck: count.describe('Waiting for answers longer than CANCEL_DEADLINE_MS.'),
    oldestOpenSeconds: z.number().nullable(),
    oldestCancellingSeconds: z.number().nullable(),
    rates: z.array(
      z.strictObject({
        seconds: z.number().describe('The time that was measured, at most 60 and 300.'),
        createdPerSecond: perSecond,
        paidPerSecond: perSecond,
        cancelledPerSecond: perSecond,
      }),
    ),
  })
  .meta({ id: 'SagaState' });

export type Saga = z.input<typeof sagaSchema>;

/** Seconds over which rates are measured. */
const SPANS = [60, 300];
/** However many operators look on. */
const CACHE_MS = 1_000;

/** Reads where all orders are; at most once a second, and once for all who ask meanwhile. */
export function createSagaReader({ pool }: Pick<WriteContext, 'pool'>, cancelDeadlineMs: number) {
  let last: { at: number; readonly saga: Promise<Saga> } | null = null;
  const look = () =>
    transaction(pool, async (tx) =>
      showSaga(await readSaga(tx, cancelDeadlineMs), await countRecent(tx, SPANS)),
    );
  return (): Promise<Saga> => {
    if (last && performance.now() - last.at < CACHE_MS) return last.saga;
    // Shared while it runs, however long that takes: looks never overlap.
    const saga = look();
    const current = { at: Infinity, saga };
    last = current;
    saga.then(
      () => (current.at = performance.now()),
      // A failure is not an answer: the next one asks again.
      () => (last = null),
    );
    return saga;
  };
}

/** Where all orders are, how they ended, and how fast. */
export const readSagaRoute = (read: () => Promise<Saga>) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/saga',
    caller: 'operator',
    operationId: 'getSaga',
    summary: 'Orders by status and reason, rates and ages',
    description: 'At most a second old.',
    answers: { 200: sagaSchema },
    problems: [],
    handle: async () => ({ status: 200, body: await read() }),
  });

function showSaga(state: SagaState, rates: readonly Rates[]): Saga {
  const ofStatus = (status: string) => state.open[status] ?? 0;
  const cancelled = Object.values(state.cancelled).reduce((sum, reason) => sum + reason, 0);
  const orders = {
    CREATED: ofStatus('CREATED'),
    STOCK_RESERVED: ofStatus('STOCK_RESERVED'),
    COUPON_APPLIED: ofStatus('COUPON_APPLIED'),
    BALANCE_CHARGED: ofStatus('BALANCE_CHARGED'),
    // A refund may be newer than what is counted.
    PAID: Math.max(0, state.paid - state.refunded - state.refunding),
    CANCELLING: state.cancelling,
    CANCELLED: cancelled,
  };
  return {
    at: writeTime(state.at),
    orders,
    cancelledByReason: state.cancelled,
    countedUpTo: state.countedUpTo && writeTime(state.countedUpTo),
    open: Object.values(state.open).reduce((sum, status) => sum + status, 0),
    stuck: state.stuck,
    oldestOpenSeconds: rounded(state.oldestOpenSeconds),
    oldestCancellingSeconds: rounded(state.oldestCancellingSeconds),
    rates: rates.map(({ seconds, created, paid, cancelled }) => ({
      seconds: rounded(seconds),
      createdPerSecond: rounded(created / seconds),
      paidPerSecond: rounded(paid / seconds),
      cancelledPerSecond: rounded(cancelled / seconds),
    })),
  };
}
