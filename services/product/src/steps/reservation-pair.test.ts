import { BatchRunner } from '@orderflow/messaging/batch-runner';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPoisonMeter } from '@orderflow/messaging/poison';
import type { Step } from '@orderflow/messaging/step';
import { orderCreated } from '@orderflow/testing/events';
import type { SchedulePair, Tables } from '@orderflow/testing/schedules';
import { reserveStock } from './reserve-stock.ts';
import { releaseStock } from './release-stock.ts';

/** Pieces of each product: too few for all orders. */
export const SUPPLY: Readonly<Record<number, number>> = { 1: 2, 2: 1 };

/** Which products an order wants a piece of, in the order in which it names them. */
const WANTED: Readonly<Record<number, readonly number[]>> = { 1: [1], 2: [2, 1], 3: [1, 2], 4: [2] };

/** A consumer of the step, as the kit runs one. */
export function consumerOf(step: Step): SchedulePair['forward'] {
  return (pool, notice) => {
    const quiet = () => undefined;
    const runner = new BatchRunner({
      step,
      pool,
      outbox: messageOutbox,
      handOver: quiet,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      metrics: {
        count(name, { kind }) {
          if (name === 'step_retries_total') notice(kind ?? '');
          if (name === 'dead_letters_total') notice('parked');
        },
        observe: quiet,
      },
      poison: createPoisonMeter(0),
      stopping: new AbortController().signal,
    });
    return (batch) => runner.run(batch, { heartbeat: () => Promise.resolve() });
  };
}

/** Stock and what live reservations hold are all that there ever was. */
function brokenStock(tables: Tables): string | null {
  for (const [id, supply] of Object.entries(SUPPLY)) {
    const productId = Number(id);
    const left = stockOf(tables, productId);
    const held = (tables['stock_reservations'] ?? [])
      .filter(({ status }) => status === 'done')
      .flatMap(({ items }) => items as { productId: number; quantity: number }[])
      .filter((line) => line.productId === productId)
      .reduce((sum, { quantity }) => sum + quantity, 0);
    if (left < 0 || left + held !== supply)
      return `of ${supply} pieces of product ${id} ${left} are left and ${held} held`;
  }
  return null;
}

function stockOf(tables: Tables, productId: number): number {
  return (tables['product_stocks'] ?? []).find((row) => row['product_id'] === productId)?.[
    'quantity'
  ] as number;
}

/** Whether there is too little of something that the order wants. */
export function isShortFor(tables: Tables, orderId: number): boolean {
  return (WANTED[orderId] ?? []).some((productId) => stockOf(tables, productId) < 1);
}

export const reservationPair: SchedulePair = {
  name: 'product.reserve and product.release',
  forward: consumerOf(reserveStock),
  undo: consumerOf(releaseStock),
  event: (orderId) =>
    orderCreated({
      orderId,
      items: (WANTED[orderId] ?? []).map((productId) => ({
        productId,
        quantity: 1,
        expectedUnitPrice: null,
        unitPrice: null,
        totalPrice: null,
      })),
    }),
  fences: 'stock_reservations',
  answers: { done: 'stock-reserved', rejected: 'stock-rejected', undone: 'stock-released' },
  broken: brokenStock,
};
