import { ABLATIONS } from './ablations/ablations.ts';
import { ablated } from './ablations/ablated.ts';
import type { Arm } from './arm.ts';
import { BASELINES } from './arms/baselines.ts';
import { ours, type OursOptions } from './arms/ours.ts';
import { PRODUCTS } from './shop.ts';

/** An arm under a load: one line of the table of throughput. */
export interface Entry {
  readonly name: string;
  readonly what: string;
  readonly arm: Arm;
  /** Products that orders ask for. */
  readonly products: number;
  /** Of every 100 orders so many ask for a product that does not exist. */
  readonly refusedPercent: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

type OursPlace = Pick<OursOptions, 'root' | 'stateDir' | 'ports'>;

/** One process of a baseline is compiled after it; what ablations, and ours beside them, are given too: there are many. */
export const WARM_UP_S = 8;
/** Six processes share the cores: their CPU an order still fell by a tenth from the first to the third 8 s. */
const OURS_WARM_UP_S = 16;
const MEASURED_S = 8;
/** What takes orders faster than it can carry them out works on after the load: a tenth of the time fills as long a run. */
const SLOW_S = 3;
const SLOW_ABLATIONS = ['without-batches', 'without-joined-sends'];

function entry(arm: Arm, load: Partial<Entry> = {}): Entry {
  const { name, what } = arm;
  const all = { products: PRODUCTS, refusedPercent: 0, warmUpSeconds: WARM_UP_S, seconds: MEASURED_S };
  return { name, what, arm, ...all, ...load };
}

/** The entries whose figures are compared, ours first. */
export function comparedEntries(place: OursPlace): Entry[] {
  const plain = {
    ...place,
    name: 'ours',
    what: 'the product as shipped: order service, HTTP, five services',
  };
  const direct = ours(plain);
  const warm = { warmUpSeconds: OURS_WARM_UP_S };
  const slow = { warmUpSeconds: SLOW_S, seconds: SLOW_S };
  return [
    entry(direct, warm),
    ...BASELINES.map((arm) => entry(arm, arm.name === 'naive' ? slow : {})),
    entry(
      ours({ ...plain, name: 'ours-gateway', what: 'the same through the gateway', gateway: true }),
      warm,
    ),
    entry(
      ours({ ...plain, name: 'ours-two-instances', what: 'two processes of each service', instances: 2 }),
      // Each of them gets half of the orders, and is as warm as the one after as many.
      { warmUpSeconds: 2 * OURS_WARM_UP_S },
    ),
    entry(direct, { name: 'ours-hot-product', what: 'all orders ask for one product', products: 1, ...warm }),
    entry(direct, {
      name: 'ours-refused',
      what: '30 % of orders name no product',
      refusedPercent: 30,
      ...warm,
    }),
  ];
}

/** Ours without one technique at a time. */
export function ablationEntries(place: OursPlace): Entry[] {
  return ABLATIONS.map((ablation) => {
    const load = SLOW_ABLATIONS.includes(ablation.name) ? { warmUpSeconds: SLOW_S, seconds: SLOW_S } : {};
    return entry(ablated(ablation, { ...place, name: ablation.name, what: ablation.instead }), load);
  });
}
