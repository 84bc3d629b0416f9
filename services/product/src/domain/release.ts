import type { DataOf } from '@orderflow/shared-events/contract';
import type { OrderCancelling } from '@orderflow/shared-events/order';
import { answerTo, undoOf, type Undone } from '@orderflow/shared-events/undo';
import type { StockReleased } from '@orderflow/shared-events/product';
import type { Fences, Line } from './fence.ts';

/** What a batch of product.release works on. It belongs to the batch and changes in place. */
export interface ReleaseState {
  readonly fences: Fences;
}

export interface ReleaseFact {
  readonly type: 'stock.released';
  readonly data: DataOf<typeof StockReleased>;
  readonly was: Undone;
  /** What goes back into stock, by the order's own row and never by the event's items. */
  readonly lines: readonly Line[];
}

/**
 * Undoes what the order holds here, and answers; by the undo column of the fence table.
 * @throws MessageFault REFUND_WITHOUT_CHARGE for a paid order that never passed here (rule R11)
 */
export function decideRelease(state: ReleaseState, { data }: OrderCancelling): readonly ReleaseFact[] {
  const fence = state.fences.get(data.orderId);
  const was = undoOf('stock', fence, data);
  if (was === null) return [];
  return [
    { type: 'stock.released', data: answerTo(data), was, lines: fence?.status === 'done' ? fence.lines : [] },
  ];
}

export function withRelease(state: ReleaseState, { data }: ReleaseFact): ReleaseState {
  state.fences.set(data.orderId, { status: 'undone', attempt: data.attempt });
  return state;
}
