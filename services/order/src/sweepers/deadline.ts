import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import { transaction } from '@orderflow/messaging/postgres';
import type { Sweeper } from '@orderflow/service-runtime/sweeper';
import type { OpenOrderCount } from '../domain/intake.ts';
import { decideTimeOut } from '../domain/transition.ts';
import { findOpenOrders, lockFree } from '../store/deadline.ts';
import { lockOrders, saveTransitions } from '../store/orders.ts';
import { messagesOf } from '../store/outbox.ts';

export interface DeadlineSettings {
  readonly deadlineMs: number;
  readonly maxAgeMs: number;
  /** Time-outs a second: a burst of them must not double the load that made the orders late. */
  readonly sweepPerSecond: number;
}

const NOBODY = { id: null, traceparent: null };

/**
 * A look reads every order of the last minute: one a second was 17 µs of Postgres's time an order after 15 s of
 * load, and grows with each second. So while nobody is late the next one waits for fifty times as long as the last one took: lateness is noticed some
 * seconds later, and undone at the rate it always was.
 */
const REST = 50;
/** The intake's limit goes by what the last look counted. */
const REST_MAX_MS = 5_000;

/** Once a second at most: counts the open orders and undoes the late ones. Only this service decides time-outs. */
export function deadlineSweeper(
  write: WriteContext,
  settings: DeadlineSettings,
  count: OpenOrderCount,
  changed: (orderIds: readonly number[]) => void,
): Sweeper {
  let from = 0;
  let nextLook = 0;
  return {
    name: 'order.deadline',
    intervalMs: 1_000,
    async sweep() {
      const startedAt = performance.now();
      if (startedAt < nextLook) return;
      const found = await transaction(write.pool, (tx) =>
        findOpenOrders(tx, { from, ...settings, limit: settings.sweepPerSecond }),
      );
      from = found.from;
      count.open = found.open;
      nextLook =
        found.late.length > 0 ? 0 : startedAt + Math.min(REST_MAX_MS, REST * (performance.now() - startedAt));
      if (found.late.length > 0) changed(await timeOut(write, found.late));
    },
  };
}

async function timeOut(write: WriteContext, late: readonly number[]): Promise<number[]> {
  return commitWithOutbox(write, async (tx, now) => {
    const orders = await lockOrders(tx, await lockFree(tx, late));
    const facts = [...orders.values()].flatMap((order) => decideTimeOut(order, now, NOBODY));
    if (facts.length > 0) saveTransitions(tx, facts);
    return { result: facts.map(({ data }) => data.orderId), messages: messagesOf(facts, now) };
  });
}
