import type { DataOf } from '@orderflow/shared-events/contract';
import { MessageFault } from '@orderflow/shared-events/fault';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import type { StockReleased } from '@orderflow/shared-events/product';
import type { Fence, Fences, Line } from './fence.ts';

/** What a batch of product.release works on. It belongs to the batch and changes in place. */
export interface ReleaseState {
  readonly fences: Fences;
}

export interface ReleaseFact {
  readonly type: 'stock.released';
  readonly data: DataOf<typeof StockReleased>;
  /** What the fence row said before: `none` becomes a tombstone. */
  readonly was: Fence['status'] | 'none';
  /** What goes back into stock, by the order's own row and never by the event's items. */
  readonly lines: readonly Line[];
}

/**
 * The undo column of the fence table: whoever is named answers, once per attempt.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRelease(state: ReleaseState, { data }: OrderCancelling): readonly ReleaseFact[] {
  if (!data.compensate.includes('stock')) return [];
  const fence = state.fences.get(data.orderId);
  switch (fence?.status) {
    case 'done':
      return [released(data, 'done', fence.lines)];
    case 'undone':
      return data.attempt > fence.attempt ? [released(data, 'undone', [])] : [];
    case 'rejected':
    case undefined: {
      const was = fence?.status ?? 'none';
      if (data.paidAt === null) return [released(data, was, [])];
      throw new MessageFault(
        'REFUND_WITHOUT_CHARGE',
        `order ${data.orderId} was paid, its stock row is ${was}`,
      );
    }
  }
}

export function withRelease(state: ReleaseState, { data }: ReleaseFact): ReleaseState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}

function released(
  {
    orderId,
    userId,
    couponId,
    items,
    originalAmount,
    discountAmount,
    totalAmount,
    attempt,
  }: OrderCancelling['data'],
  was: ReleaseFact['was'],
  lines: readonly Line[],
): ReleaseFact {
  return {
    type: 'stock.released',
    data: { orderId, userId, couponId, items, originalAmount, discountAmount, totalAmount, attempt },
    was,
    lines,
  };
}
