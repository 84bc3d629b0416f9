import { defineEvent, type EventOf } from './contract.ts';
import { attemptSchema, orderSoFar, pricedOrder, reasonSchema } from './order-so-far.ts';

/** Every line is priced and taken from stock. */
export const StockReserved = defineEvent({
  type: 'stock.reserved',
  version: 1,
  topic: 'stock-reserved',
  publisher: 'product',
  schema: pricedOrder,
});
export type StockReserved = EventOf<typeof StockReserved>;

/** Nothing was taken from stock. */
export const StockRejected = defineEvent({
  type: 'stock.rejected',
  version: 1,
  topic: 'stock-rejected',
  publisher: 'product',
  schema: orderSoFar.extend({ reason: reasonSchema }),
  extraKeys: ['reason'],
});
export type StockRejected = EventOf<typeof StockRejected>;

/** Product holds nothing of the order any more. */
export const StockReleased = defineEvent({
  type: 'stock.released',
  version: 1,
  topic: 'stock-released',
  publisher: 'product',
  schema: orderSoFar.extend({ attempt: attemptSchema }),
  extraKeys: ['attempt'],
});
export type StockReleased = EventOf<typeof StockReleased>;
