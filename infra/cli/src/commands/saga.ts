import type { OrderflowClient } from '@orderflow/client';
import type { ItemOf } from '@orderflow/client/api-types';
import { isApiProblem } from '@orderflow/client/errors';
import { CommandFailure, EXIT } from '../failure.ts';
import { show, tableLines, timeText, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

const age = (seconds: number | null): string => (seconds === null ? '–' : timeText(seconds * 1_000));

/** Where all orders are, how they ended and how fast. */
export async function showSaga(target: Target, screen: Screen): Promise<number> {
  const saga = await target.operator().get('/v1/ops/saga');
  show(screen, saga, () => [
    ...tableLines(['status', 'orders'], Object.entries(saga.orders), ''),
    '',
    ...tableLines(['cancelled for', 'orders'], Object.entries(saga.cancelledByReason), 'None was cancelled.'),
    '',
    `open ${saga.open}, the oldest ${age(saga.oldestOpenSeconds)} old; stuck ${saga.stuck}, longest cancelling ${age(saga.oldestCancellingSeconds)}`,
    ...saga.rates.map(
      (rate) =>
        `last ${timeText(rate.seconds * 1_000)}: ${rate.createdPerSecond.toFixed(1)}/s created, ${rate.paidPerSecond.toFixed(1)}/s paid, ${rate.cancelledPerSecond.toFixed(1)}/s cancelled`,
    ),
  ]);
  return 0;
}

async function stuckOrders(operator: OrderflowClient): Promise<ItemOf<'/v1/ops/orders/stuck'>[]> {
  const orders: ItemOf<'/v1/ops/orders/stuck'>[] = [];
  const params = { query: { limit: 100 } };
  for await (const order of operator.listAll('/v1/ops/orders/stuck', { params })) orders.push(order);
  return orders;
}

/** Orders that wait for answers too long. @returns 1 when there are some */
export async function listStuck(target: Target, screen: Screen): Promise<number> {
  const data = await stuckOrders(target.operator());
  show(screen, data, () =>
    tableLines(
      ['order', 'reason', 'waits for', 'attempt', 'cancelling since'],
      data.map((order) => [
        order.id,
        order.reason,
        order.pending.join(', '),
        order.attempt,
        order.cancellingAt,
      ]),
      'No order is stuck.',
    ),
  );
  return data.length === 0 ? 0 : EXIT.failed;
}

/** Asks those who have not answered once more, for one order or for all that are stuck. */
export async function nudge(
  target: Target,
  options: { readonly id?: number | undefined; readonly all: boolean },
  screen: Screen,
): Promise<number> {
  if ((options.id === undefined) !== options.all) {
    throw new CommandFailure('Name an order, or --all for every stuck one', EXIT.usage);
  }
  const operator = target.operator();
  const ids = options.id === undefined ? (await stuckOrders(operator)).map(({ id }) => id) : [options.id];
  const nudged: { id: number; attempt: number | null; code: string | null }[] = [];
  for (const id of ids) {
    try {
      const { attempt } = await operator.post('/v1/ops/orders/{id}/nudge', { params: { path: { id } } });
      nudged.push({ id, attempt, code: null });
    } catch (error) {
      // Of many, one that went on by itself meanwhile is no failure.
      if (!options.all || !isApiProblem(error) || error.code !== 'NOT_CANCELLING') throw error;
      nudged.push({ id, attempt: null, code: error.code });
    }
  }
  show(screen, nudged, () =>
    nudged.length === 0
      ? ['No order is stuck.']
      : nudged.map(({ id, attempt, code }) =>
          code === null ? `order ${id}: attempt ${attempt}` : `order ${id}: ${code}`,
        ),
  );
  return 0;
}
