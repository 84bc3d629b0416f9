import { defineStep } from '@orderflow/messaging/step';
import { OrderCancelling } from '@orderflow/shared-events/order';
import { StockReleased } from '@orderflow/shared-events/product';
import { decideRelease, withRelease } from '../domain/release.ts';
import { lockReservations, saveReleases } from '../store/reservations.ts';

/** Puts back what an order took, by the order's own row; leaves a tombstone where there is none. */
export const releaseStock = defineStep({
  name: 'product.release',
  on: [OrderCancelling],
  emits: [StockReleased],
  fences: ['stock_reservations_pkey'],
  load: lockReservations,
  decide: decideRelease,
  evolve: withRelease,
  save: saveReleases,
});
