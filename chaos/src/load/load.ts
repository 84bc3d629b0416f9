import { setTimeout as pause } from 'node:timers/promises';
import { parseAmount, formatAmount } from '@orderflow/shared-events/money';
import type { History } from '../history/history.ts';
import type { Seeded } from '../seeded.ts';
import { chooseItems, openCouponSource, type ChaosShop, type Customer } from './shop.ts';

export interface Load {
  readonly perSecond: number;
  readonly shop: ChaosShop;
  readonly history: History;
  readonly random: Seeded;
}

export interface RunningLoad {
  readonly placed: () => number;
  /** Places no more; resolves when every request is answered or given up. */
  stop(): Promise<void>;
}

/** Requests at once; while more than these wait for a fault to end, the next ones are late. */
const AT_ONCE = 120;
/** For every order so many other requests, by kind. */
const BESIDES = { topUp: 0.12, readBalance: 0.4, cancel: 0.12, readOrder: 0.5, coupon: 0.08 };
const SOURCE_EVERY_MS = 60_000;
const REMEMBERED_ORDERS = 12;
/** A third of the customers tops up little and runs out of money now and then. */
const TOP_UPS = ['400.00', '400.00', '12.00'];

/** Sends orders evenly until it is stopped, and beside each what customers do besides; every request is written down. */
export function startLoad(load: Load): RunningLoad {
  const { perSecond, shop, random } = load;
  const running = new Set<Promise<unknown>>();
  let placed = 0;
  let stopped = false;
  let sourceId: number | null = null;
  const run = (work: Promise<unknown>) => {
    const settled = work.catch(() => undefined).finally(() => running.delete(settled));
    running.add(settled);
  };
  const openSources = async () => {
    while (!stopped) {
      sourceId = await openCouponSource(shop).catch(() => sourceId);
      for (let left = SOURCE_EVERY_MS; left > 0 && !stopped; left -= 500) await pause(500);
    }
  };
  const sendAll = async () => {
    await Promise.all(shop.customers.map((customer, index) => topUp(load, customer, index)));
    const sources = openSources();
    const startedAt = performance.now();
    for (let index = 0; !stopped; index += 1) {
      const wait = startedAt + (index / perSecond) * 1_000 - performance.now();
      if (wait > 1) await pause(wait);
      while (running.size >= AT_ONCE) await Promise.race(running);
      run(placeOrder(load, random.pick(shop.customers)).finally(() => (placed += 1)));
      for (const request of besides(load, sourceId)) run(request());
    }
    while (running.size > 0) await Promise.race(running);
    await sources;
  };
  const done = sendAll();
  return {
    placed: () => placed,
    stop() {
      stopped = true;
      return done;
    },
  };
}

/** What customers do beside one order. */
function besides(load: Load, sourceId: number | null): Array<() => Promise<unknown>> {
  const { random, shop, history } = load;
  const index = random.between(0, shop.customers.length - 1);
  const customer = shop.customers[index];
  if (!customer) return [];
  const { api, orders } = customer;
  const orderId = orders.length > 0 ? random.pick(orders) : null;
  const requests: Array<() => Promise<unknown>> = [];
  if (random.chance(BESIDES.topUp)) requests.push(() => topUp(load, customer, index));
  if (random.chance(BESIDES.readBalance)) {
    requests.push(() =>
      history.record('read-balance', api.userId, null, async () => ({
        amount: parseAmount((await api.get('/v1/balance')).amount),
      })),
    );
  }
  if (orderId !== null && random.chance(BESIDES.cancel)) {
    requests.push(() =>
      history.record('cancel-order', api.userId, { orderId }, () => api.cancelOrder(orderId)),
    );
  }
  if (orderId !== null && random.chance(BESIDES.readOrder)) {
    requests.push(() => history.record('read-order', api.userId, { orderId }, () => api.getOrder(orderId)));
  }
  if (sourceId !== null && random.chance(BESIDES.coupon)) {
    requests.push(() => issueCoupon(load, customer, sourceId));
  }
  return requests;
}

async function topUp({ history }: Load, { api }: Customer, index: number): Promise<void> {
  const amount = parseAmount(TOP_UPS[index % TOP_UPS.length] as string);
  await history.record('top-up', api.userId, { amount }, async () => {
    const answer = await api.topUp(formatAmount(amount));
    return { recordId: answer.recordId, balance: parseAmount(answer.balance) };
  });
}

async function issueCoupon({ history }: Load, { api, coupons }: Customer, sourceId: number): Promise<void> {
  const issued = await history.record('issue-coupon', api.userId, { sourceId }, async () => ({
    couponId: (await api.issueCoupon(sourceId)).id,
  }));
  if (issued) coupons.push(issued.couponId);
}

async function placeOrder(load: Load, customer: Customer): Promise<void> {
  const { history, random, shop } = load;
  const { api, coupons, orders } = customer;
  const items = chooseItems(shop, random);
  // Used ones too: COUPON_ALREADY_USED is one of the outcomes.
  const couponId = coupons.length > 0 && random.chance(0.2) ? random.pick(coupons) : null;
  const placed = await history.record('place-order', api.userId, { items, couponId }, async () => {
    const { id } = await api.placeOrder({ items, ...(couponId === null ? {} : { couponId }) });
    return { orderId: id };
  });
  if (!placed) return;
  orders.push(placed.orderId);
  if (orders.length > REMEMBERED_ORDERS) orders.shift();
}
