import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceName } from '@orderflow/local/ports';
import { queryAt } from '../arms/ours-shop.ts';
import type { RunningOurs } from '../arms/ours.ts';
import type { StartedBackends } from '../backends.ts';
import type { Answers } from '../load/even-sender.ts';
import { startOpenLoop } from '../load/open-loop.ts';
import type { StopRun } from '../result.ts';
import { endAtRest, type Report, type ShopLoad } from './at-rest.ts';
import { OPEN_LOOP_CONNECTIONS } from './latency.ts';

export interface StopLoad extends ShopLoad {
  readonly service: ServiceName;
  /** Orders a second that come in before, while it is stopped, and until the queue is empty. */
  readonly rate: number;
  readonly stoppedSeconds: number;
  /** What the order service runs with, in words for the report. */
  readonly deadlines: string;
}

const WARM_UP_S = 10;
/** A drain that takes longer does not keep up with the load. */
const DRAIN_LIMIT_S = 300;
const LOOK_INTERVAL_MS = 1_000;
/** An order that took longer had to wait in the queue; without one it takes a tenth of that at half of the peak. */
const QUEUED_MS = 1_000;

/**
 * Stops one service under load, starts it again, and measures how fast what has piled up is worked off while further
 * orders come in.
 * @throws Error when the queue does not become empty, an order was not accepted, or the books are wrong
 */
export async function measureStop(
  arm: RunningOurs,
  backends: StartedBackends,
  { service, rate, stoppedSeconds, deadlines, ...shop }: StopLoad,
  report: Report,
): Promise<StopRun> {
  const afterId = await arm.lastOrderId();
  const load = startOpenLoop({
    ...shop,
    url: arm.url,
    rate,
    warmUpSeconds: WARM_UP_S,
    seconds: stoppedSeconds + DRAIN_LIMIT_S,
    connections: OPEN_LOOP_CONNECTIONS,
    authorizationsFile: backends.userTokens.file(),
  });
  try {
    await load.measuring;
    report(`stop: ${service} is stopped for ${stoppedSeconds} s, ${rate} orders/s come in`);
    const stoppedAt = performance.now();
    await arm.stopService(service);
    await pause(stoppedSeconds * 1000 - (performance.now() - stoppedAt));
    await arm.startService(service);
    const readyAt = Date.now();
    const stoppedMs = performance.now() - stoppedAt;
    await untilQueueIsEmpty(arm, rate, report);
    load.stop();
    const { answers } = await load.done;
    await endAtRest(arm);
    return {
      service,
      stoppedSeconds: stoppedMs / 1000,
      offeredPerSecond: offeredPerSecond(answers),
      ...drainOf(answers, await arm.paidAt(afterId), readyAt),
      deadlines,
      timedOut: await timedOut(arm, afterId),
    };
  } finally {
    load.stop();
  }
}

/** Orders keep coming: the queue is empty when no more are open than a second brings. */
async function untilQueueIsEmpty(arm: RunningOurs, rate: number, report: Report): Promise<void> {
  const startedAt = performance.now();
  for (let open = await arm.openOrders(); open > rate; open = await arm.openOrders()) {
    if (performance.now() - startedAt > DRAIN_LIMIT_S * 1000)
      throw new Error(`${open} orders are still open ${DRAIN_LIMIT_S} s after the service's return`);
    report(`stop: ${open} orders are open`);
    await pause(LOOK_INTERVAL_MS);
  }
}

/** @throws Error when not every order was accepted: it would be missing in the queue */
function offeredPerSecond({ scheduledAt, status }: Answers): number {
  const refused = status.filter((code) => code !== 202).length;
  if (refused > 0) throw new Error(`${refused} of ${status.length} orders were not accepted`);
  const spanMs = (scheduledAt.at(-1) ?? 0) - (scheduledAt[0] ?? 0);
  return ((status.length - 1) / spanMs) * 1000;
}

/** Orders that were paid from `readyAt` until the last one that had to wait in the queue, a second. */
export function drainOf(
  { scheduledAt, orderId }: Pick<Answers, 'scheduledAt' | 'orderId'>,
  paidAt: ReadonlyMap<number, number>,
  readyAt: number,
): Pick<StopRun, 'drainPerSecond' | 'drainSeconds'> {
  const paid = [...scheduledAt].flatMap((scheduled, index) => {
    const at = paidAt.get(orderId[index] ?? 0);
    return at === undefined || at < readyAt ? [] : [{ at, waitedMs: at - scheduled }];
  });
  const emptyAt = paid.reduce(
    (latest, { at, waitedMs }) => (waitedMs > QUEUED_MS ? Math.max(latest, at) : latest),
    readyAt,
  );
  if (emptyAt === readyAt)
    throw new Error('no order had to wait: the service was not stopped for long enough');
  const drainSeconds = (emptyAt - readyAt) / 1000;
  return { drainPerSecond: paid.filter(({ at }) => at <= emptyAt).length / drainSeconds, drainSeconds };
}

async function timedOut({ databases }: RunningOurs, afterId: number): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM orders WHERE id > $1 AND failure_reason = 'TIMED_OUT'`;
  return (await queryAt<{ count: number }>(databases.order, text, [afterId]))[0]?.count ?? 0;
}
