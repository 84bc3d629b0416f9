import { setTimeout as pause } from 'node:timers/promises';
import type { OrderflowClient } from '@orderflow/client';
import type { Order, OrderRequest } from '@orderflow/client/api-types';
import { CommandFailure, EXIT } from '../failure.ts';
import {
  basketFor,
  percentile,
  stagesOf,
  stagesText,
  stateText,
  timelineOf,
  totalMs,
  type Stage,
} from '../orders.ts';
import { show, timeText, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

export interface PlaceOptions {
  readonly count: number;
  /** Orders a second; as fast as eight at a time go when absent. */
  readonly rate?: number | undefined;
  readonly coupon?: number | undefined;
  readonly user?: number | undefined;
  readonly item?: OrderRequest['items'] | undefined;
  readonly watch: boolean;
}

const AT_ONCE = 8;
/** With a rate: enough for it, however long each takes to end. */
const AT_ONCE_PACED = 256;
/** What a user made for this command is given. */
const MONEY = '100000.00';
const ADMIN_ID = 1;

interface Followed {
  readonly order: Order;
  readonly stages: readonly Stage[];
}

/**
 * Places orders, and with `watch` follows each to its end. What was placed is told however it ends: an error or Ctrl-C
 * places no more.
 * @returns the exit code: 0 when all were accepted (and, watched, ended)
 * @throws what ended it early
 */
export async function placeOrders(
  target: Target,
  options: PlaceOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const { client, products } = await prepare(target, options, screen);
  const results: Followed[] = [];
  const startedAt = performance.now();
  let failure: Error | undefined;
  let next = 0;
  const isOver = () => failure !== undefined || signal.aborted || next >= options.count;
  const worker = async () => {
    while (!isOver()) {
      const index = next;
      next += 1;
      try {
        if (options.rate !== undefined) await until(startedAt + (index * 1_000) / options.rate, signal);
        const items = basketFor(options.item ?? [], products, index);
        const request = options.coupon === undefined ? { items } : { items, couponId: options.coupon };
        const result = await placeOne(client, request, options.watch, signal);
        results.push(result);
        if (!screen.json) screen.out(lineOf(result));
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    }
  };
  const workers = options.rate === undefined ? AT_ONCE : AT_ONCE_PACED;
  await Promise.all(Array.from({ length: Math.min(workers, options.count) }, worker));
  const summary = summarize(results, performance.now() - startedAt);
  if (screen.json) show(screen, { orders: results.map(shown), summary }, () => []);
  else screen.note(options.watch ? summaryText(summary) : followText(results));
  if (failure !== undefined && !signal.aborted) throw failure;
  return signal.aborted ? EXIT.interrupted : EXIT.ok;
}

async function until(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await pause(ms, undefined, { signal });
}

async function placeOne(
  client: OrderflowClient,
  request: OrderRequest,
  watch: boolean,
  signal: AbortSignal,
): Promise<Followed> {
  const placed = await client.placeOrder(request, { signal });
  if (!watch) return { order: placed, stages: [] };
  const order = await client.untilFinal(placed.id, { signal });
  return { order, stages: stagesOf(await timelineOf(client, order.id)) };
}

/** A caller with money and something to buy: what the options name, or, on a local stack, made for the occasion. */
async function prepare(target: Target, options: PlaceOptions, screen: Screen) {
  const named = options.item !== undefined;
  if (target.local === null) {
    const client = target.client(ADMIN_ID);
    return { client, products: named ? [] : await onSale(client) };
  }
  const admin = target.client(ADMIN_ID, ['admin']);
  const userId = options.user ?? (await admin.post('/v1/users', { body: { name: 'Command line' } })).id;
  const client = target.client(userId);
  if (options.user === undefined) {
    await client.topUp(MONEY);
    screen.note(`Ordering as user ${userId}, made for this and given ${MONEY} (--user ID for another)`);
  }
  const products = named ? [] : await onSale(client);
  if (!named && products.length === 0) {
    const body = { name: 'Tea', description: 'Green, 100 g', price: '12.50', quantity: 1_000 };
    products.push(await admin.post('/v1/products', { body }));
    screen.note('Nothing was on sale: made a product (--item PRODUCT:QUANTITY for another)');
  }
  return { client, products };
}

async function onSale(client: OrderflowClient) {
  const { data } = await client.get('/v1/products', { params: { query: { limit: 100 } } });
  const products = data.filter(({ stock }) => stock > 0);
  if (products.length === 0 && data.length > 0) {
    throw new CommandFailure(
      'Everything on sale is out of stock: --item PRODUCT:QUANTITY, or adjust a stock',
    );
  }
  return products;
}

function lineOf({ order, stages }: Followed): string {
  const head = `order ${String(order.id).padEnd(8)} ${stateText(order)}`;
  return stages.length === 0 ? head : `${head}  ${timeText(totalMs(stages))}: ${stagesText(stages)}`;
}

function shown({ order, stages }: Followed) {
  return { ...order, ms: stages.length === 0 ? null : totalMs(stages), stages };
}

function summarize(results: readonly Followed[], elapsedMs: number) {
  const paid = results.filter(({ order }) => order.status === 'PAID').map(({ stages }) => totalMs(stages));
  const refused: Record<string, number> = {};
  for (const { order } of results) {
    if (order.failureReason !== null) refused[order.failureReason] = (refused[order.failureReason] ?? 0) + 1;
  }
  return {
    placed: results.length,
    paid: paid.length,
    refused,
    elapsedMs: Math.round(elapsedMs),
    paidMs: { p50: percentile(paid, 0.5), p95: percentile(paid, 0.95) },
  };
}

function summaryText({ placed, paid, refused, elapsedMs, paidMs }: ReturnType<typeof summarize>): string {
  const reasons = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  const speed =
    paidMs.p50 === null ? '' : `; to PAID p50 ${timeText(paidMs.p50)}, p95 ${timeText(paidMs.p95 ?? 0)}`;
  return `${placed} placed in ${timeText(elapsedMs)}: ${[`${paid} paid`, ...reasons].join(', ')}${speed}`;
}

function followText(results: readonly Followed[]): string {
  const first = results[0]?.order.id;
  return `${results.length} accepted. See how one goes on: orderflow order show ${first ?? 'ID'}`;
}
