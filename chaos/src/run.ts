import { setTimeout as pause } from 'node:timers/promises';
import type { Chaos } from './faults/chaos.ts';
import { letHappen, type Happened } from './happen.ts';
import { openHistory, type AnyOperation } from './history/history.ts';
import { startLoad } from './load/load.ts';
import { openChaosShop } from './load/shop.ts';
import type { PlannedFault } from './plan.ts';
import { untilFlowing } from './recovery.ts';
import type { Seeded } from './seeded.ts';

export interface ChaosRun {
  readonly chaos: Chaos;
  readonly plan: readonly PlannedFault[];
  /** At least so many; orders go on until the last fault is over. */
  readonly orders: number;
  readonly perSecond: number;
  /** No fault begins later than this after the first, in milliseconds. */
  readonly limitMs: number;
  readonly random: Seeded;
  readonly report: (line: string) => void;
  readonly onHappened: (happened: Happened, placed: number) => void;
}

export interface ChaosResult {
  readonly placed: number;
  readonly happened: readonly Happened[];
  readonly operations: readonly AnyOperation[];
}

const FIRST_ORDERS_LIMIT_MS = 60_000;

/** Orders under faults, then the healing and the last answers; what it all came to is for `verify`. */
export async function runChaos(run: ChaosRun): Promise<ChaosResult> {
  const { chaos, plan, orders, perSecond, random, report } = run;
  const shop = await openChaosShop(chaos.stack.current().gateway);
  const history = openHistory();
  const load = startLoad({ perSecond, shop, history, random: random.fork() });
  const happened: Happened[] = [];
  try {
    if ((await untilFlowing(chaos.stack, Date.now(), FIRST_ORDERS_LIMIT_MS)) === null)
      throw new Error('orders do not flow, and nothing has been broken yet');
    const until = Date.now() + run.limitMs;
    const onHappened = (fault: Happened) => {
      happened.push(fault);
      run.onHappened(fault, load.placed());
    };
    await letHappen({ chaos, plan, until, onHappened });
    if (load.placed() < orders) report(`All faults are over; orders go on to ${orders}.`);
    while (load.placed() < orders) await pause(200);
  } finally {
    for (const way of Object.values(chaos.ways)) way.heal();
    chaos.volume?.free();
    report('Healed. No more orders; waiting for every answer.');
    await load.stop();
  }
  return { placed: load.placed(), happened, operations: history.operations };
}
