import { stagesOf, stateText, timelineOf, totalMs } from '../orders.ts';
import { show, tableLines, timeText, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

/** An order with its lines and its timeline. Operators see everyone's. */
export async function showOrder(target: Target, id: number, screen: Screen): Promise<number> {
  const operator = target.operator();
  const order = await operator.getOrder(id);
  const events = await timelineOf(operator, id);
  const stages = stagesOf(events);
  show(screen, { ...order, events }, () => [
    `Order ${order.id} of user ${order.userId}: ${stateText(order)}`,
    ...(order.totalAmount === null
      ? ['  not priced']
      : [
          `  ${order.originalAmount} - ${order.discountAmount} = ${order.totalAmount}${order.couponId === null ? '' : `, coupon ${order.couponId}`}`,
        ]),
    '',
    ...tableLines(
      ['product', 'quantity', 'unit price', 'total'],
      order.items.map((item) => [item.productId, item.quantity, item.unitPrice, item.totalPrice]),
      'no lines',
    ),
    '',
    ...tableLines(
      ['at', 'after', 'event', ''],
      events.map((event, index) => [
        event.createdAt,
        timeText(stages[index]?.ms ?? 0),
        event.type,
        [event.reason, event.attempt > 0 ? `attempt ${event.attempt}` : null]
          .filter((part) => part !== null)
          .join(', '),
      ]),
      'no events',
    ),
    `${timeText(totalMs(stages))} in all`,
  ]);
  return 0;
}
