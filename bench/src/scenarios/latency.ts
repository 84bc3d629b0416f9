import { cpuOf } from '../accounting/cpu.ts';
import type { RunningArm } from '../arm.ts';
import type { StartedBackends } from '../backends.ts';
import type { Answers } from '../load/even-sender.ts';
import { startOpenLoop } from '../load/open-loop.ts';
import { percentilesOf } from '../load/percentiles.ts';
import type { LatencyRun } from '../result.ts';
import { endAtRest, type Report, type ShopLoad } from './at-rest.ts';

export interface LatencyLoad extends ShopLoad, Pick<LatencyRun, 'name' | 'arm' | 'rate' | 'seconds'> {}

/** Connections are opened and code is warm after it; its orders are left out. */
export const WARM_UP_S = 5;
/** As many as the closed loop holds in flight; a request beyond them waits, and its wait counts. */
export const OPEN_LOOP_CONNECTIONS = 256;

/**
 * Orders at a fixed rate, for each how long it took from its scheduled time to the answer and to the commit that paid it.
 * The generator and the database read one machine's clock.
 * @throws Error when the books are wrong afterwards, or no order was paid
 */
export async function measureLatency(
  arm: RunningArm,
  backends: StartedBackends,
  { name, arm: armName, rate, seconds, ...shop }: LatencyLoad,
  report: Report,
): Promise<LatencyRun> {
  report(`${name}: ${rate} orders/s for ${seconds} s to ${armName}`);
  const counted = [...backends.processes, ...arm.processes];
  const afterId = await arm.lastOrderId();
  const load = startOpenLoop({
    ...shop,
    url: arm.url,
    rate,
    warmUpSeconds: WARM_UP_S,
    seconds,
    connections: OPEN_LOOP_CONNECTIONS,
    authorizationsFile: backends.userTokens.file(),
  });
  await load.measuring;
  const before = total(cpuOf(counted));
  const { answers, cpuMs, wallMs } = await load.done;
  const cpu = total(cpuOf(counted)) - before;
  await endAtRest(arm);
  return {
    name,
    arm: armName,
    rate,
    seconds,
    ...latenciesOf(answers, await arm.paidAt(afterId)),
    generatorCpuPercent: (cpuMs / wallMs) * 100,
    cpuPercent: (cpu / wallMs) * 100,
  };
}

function total(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((sum, ms) => sum + ms, 0);
}

/** Joins answers with commits. What was not accepted, or was accepted and not paid, has failed and has no latency. */
export function latenciesOf(
  { scheduledAt, answeredAt, status, orderId }: Answers,
  paidAt: ReadonlyMap<number, number>,
): Pick<LatencyRun, 'ack' | 'paid' | 'failed'> {
  const ack: number[] = [];
  const paid: number[] = [];
  for (const [index, scheduled] of scheduledAt.entries()) {
    const committed = paidAt.get(orderId[index] ?? 0);
    if (Math.floor((status[index] ?? 0) / 100) !== 2 || committed === undefined) continue;
    ack.push((answeredAt[index] ?? 0) - scheduled);
    paid.push(committed - scheduled);
  }
  if (paid.length === 0) throw new Error(`none of ${scheduledAt.length} orders was paid`);
  return {
    ack: percentilesOf(ack),
    paid: percentilesOf(paid),
    failed: scheduledAt.length - paid.length,
  };
}
