import type { DataOf } from './contract.ts';
import { MessageFault } from './fault.ts';
import type { OrderCancelling } from './order.ts';
import type { OrderSoFar, Participant } from './order-so-far.ts';

/** What a participant's row of an order says, as far as undoing is concerned; none: it has not seen the order. */
export interface FenceRow {
  readonly status: 'done' | 'rejected' | 'undone';
  /** The highest attempt of order-cancelling that it has answered. */
  readonly attempt: number;
}

/** What the row said before it became `undone`; `none` becomes a tombstone. */
export type Undone = FenceRow['status'] | 'none';

type Cancelling = DataOf<typeof OrderCancelling>;

/**
 * The undo column of the fence table, the same for every participant: whoever is named answers, whatever its row says,
 * once per attempt; who is not named does nothing (rules R2, R6).
 * @returns what the row says, when this event is to be answered; null when it is not
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function undoOf(
  participant: Participant,
  row: FenceRow | undefined,
  event: Cancelling,
): Undone | null {
  if (!event.compensate.includes(participant)) return null;
  if (row?.status === 'undone') return event.attempt > row.attempt ? 'undone' : null;
  const was = row?.status ?? 'none';
  if (event.paidAt !== null && was !== 'done') {
    throw new MessageFault(
      'REFUND_WITHOUT_CHARGE',
      `order ${event.orderId} was paid, its ${participant} row is ${was}`,
    );
  }
  return was;
}

/** The data of an answer: the order so far, and the attempt that is answered. */
export function answerTo(event: Cancelling): OrderSoFar & { attempt: number } {
  const { orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt } = event;
  return { orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt };
}
