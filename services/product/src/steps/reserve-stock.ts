import { defineStep } from '@orderflow/messaging/step';
import { OrderCreated } from '@orderflow/shared-events/order';
import { StockRejected, StockReserved } from '@orderflow/shared-events/product';
import { decideReservation, withReservation } from '../domain/reservation.ts';
import { lockStocks, saveReservations } from '../store/reservations.ts';

/** Prices every line of an order and takes all of them from stock, or none. Undone by product.release. */
export const reserveStock = defineStep({
  name: 'product.reserve',
  on: [OrderCreated],
  emits: [StockReserved, StockRejected],
  undoneBy: 'product.release',
  fences: ['stock_reservations_pkey'],
  load: lockStocks,
  decide: decideReservation,
  evolve: withReservation,
  save: saveReservations,
});
